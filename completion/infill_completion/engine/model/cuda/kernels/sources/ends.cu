// The ends of a step: the embeddings of its tokens, and the last norm.
//
// A block works on 256 columns (a tile) of all eight rows: a warp on a row, a lane on eight columns.
#include "portable.cuh"

#include "groups.cuh"

constexpr int ROWS = 8, TILE = 256, THREADS = 32 * ROWS;

// Returns the sum of squares of this warp's row.  Every thread reads up to AHEAD times 16 bytes at once, four rows of a
// tile each: one after the other they would take longer than all the rest of the kernel.
__device__ inline float sum_of_squares(const float *squares, int tiles) {
    constexpr int AHEAD = 4, HALVES = ROWS / 4; // of a tile
    __shared__ float parts[ROWS][ROWS]; // (warps, rows)
    const Words4 *const from = reinterpret_cast<const Words4 *>(squares);
    float sums[4] = {};
    for (int start = threadIdx.x; start < HALVES * tiles; start += AHEAD * THREADS) {
        Words4 read[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; ++k) {
            const int at = start + k * THREADS;
            read[k] = at < HALVES * tiles ? from[at] : Words4{0, 0, 0, 0};
        }
#pragma unroll
        for (int k = 0; k < AHEAD; ++k) {
            sums[0] += __uint_as_float(read[k].x), sums[1] += __uint_as_float(read[k].y);
            sums[2] += __uint_as_float(read[k].z), sums[3] += __uint_as_float(read[k].w);
        }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        for (int apart = 16; apart >= HALVES; apart /= 2) sums[i] += __shfl_xor_sync(0xffffffff, sums[i], apart);
        if (threadIdx.x % 32 < HALVES) parts[threadIdx.x / 32][threadIdx.x % HALVES * 4 + i] = sums[i];
    }
    __syncthreads();
    float sum = 0.0f;
#pragma unroll
    for (int warp = 0; warp < ROWS; ++warp) sum += parts[warp][threadIdx.x / 32];
    return sum;
}

// Reads the embeddings of up to eight tokens; see ends.py for the arguments.
extern "C" __global__ void embed(const long long *ids, int rows, const number *table, int entries, const number *weight,
    int hidden, float *x, number *h, float *squares) {
    const int row = threadIdx.x / 32, column = blockIdx.x * TILE + threadIdx.x % 32 * GROUP;
    const bool is_inside = column < hidden;
    Words4 scale = {0, 0, 0, 0}, words = {0, 0, 0, 0};
    if (is_inside) scale = *reinterpret_cast<const Words4 *>(weight + column);
    wait_for_previous();
    let_next_start();
    const long long id = row < rows ? ids[row] : -1;
    if (is_inside && id >= 0 && id < entries) words = *reinterpret_cast<const Words4 *>(table + id * hidden + column);
    float numbers[GROUP], weights[GROUP], sum = 0.0f;
    widen(words, numbers), widen(scale, weights);
#pragma unroll
    for (int i = 0; i < GROUP; ++i) sum += numbers[i] * numbers[i], weights[i] *= numbers[i];
    sum = over_warp(sum);
    if (threadIdx.x % 32 == 0) squares[blockIdx.x * ROWS + row] = sum;
    if (!is_inside) return;
    const long long at = static_cast<long long>(row) * hidden + column;
    write_group(h + at, weights);
    write_group(x + at, numbers);
}

// Computes the last norm of up to eight rows; see ends.py for the arguments.
extern "C" __global__ void last_norm(const float *x, const float *squares, int tiles, const number *weight, float eps,
    int rows, int hidden, number *normed) {
    const int row = threadIdx.x / 32, column = blockIdx.x * TILE + threadIdx.x % 32 * GROUP;
    const bool is_inside = column < hidden;
    Words4 scale = {0, 0, 0, 0};
    if (is_inside) scale = *reinterpret_cast<const Words4 *>(weight + column);
    wait_for_previous();
    let_next_start();
    const long long at = static_cast<long long>(row) * hidden + column;
    float numbers[GROUP] = {}, weights[GROUP];
    widen(scale, weights);
    if (row < rows && is_inside) read_group(x + at, numbers);
    const float times = rsqrtf(sum_of_squares(squares, tiles) / static_cast<float>(hidden) + eps);
    if (!is_inside) return;
#pragma unroll
    for (int i = 0; i < GROUP; ++i) numbers[i] = row < rows ? numbers[i] * times * weights[i] : 0.0f;
    write_group(normed + at, numbers);
}
