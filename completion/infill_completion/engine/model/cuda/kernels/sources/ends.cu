// The ends of a step: the embeddings of its tokens, and the last norm.
//
// A block works on 256 columns (a tile) of all eight rows: a warp on a row, a lane on eight columns.
#include "portable.cuh"

constexpr int ROWS = 8, TILE = 256, GROUP = 8;
constexpr unsigned ALL = 0xffffffff;  // lanes of a warp

__device__ inline void widen(const Words4 &words, float (&x)[GROUP]) {
    x[0] = low_of(words.x), x[1] = high_of(words.x), x[2] = low_of(words.y), x[3] = high_of(words.y);
    x[4] = low_of(words.z), x[5] = high_of(words.z), x[6] = low_of(words.w), x[7] = high_of(words.w);
}
__device__ inline Words4 narrowed(const float (&x)[GROUP]) {
    return {pair(x[0], x[1]), pair(x[2], x[3]), pair(x[4], x[5]), pair(x[6], x[7])};
}
__device__ inline float over_warp(float sum) {
    for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(ALL, sum, apart);
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
    *reinterpret_cast<Words4 *>(h + at) = narrowed(weights);
#pragma unroll
    for (int half = 0; half < 2; ++half)
        reinterpret_cast<Words4 *>(x + at)[half] = {__float_as_uint(numbers[4 * half]),
            __float_as_uint(numbers[4 * half + 1]), __float_as_uint(numbers[4 * half + 2]),
            __float_as_uint(numbers[4 * half + 3])};
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
    float sum = 0.0f;
    for (int tile = threadIdx.x % 32; tile < tiles; tile += 32) sum += squares[tile * ROWS + row];
    const float times = rsqrtf(over_warp(sum) / static_cast<float>(hidden) + eps);
    if (!is_inside) return;
    const long long at = static_cast<long long>(row) * hidden + column;
    float weights[GROUP];
    widen(scale, weights);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        Words4 words = {0, 0, 0, 0};
        if (row < rows) words = reinterpret_cast<const Words4 *>(x + at)[half];
        weights[4 * half] *= __uint_as_float(words.x) * times,
            weights[4 * half + 1] *= __uint_as_float(words.y) * times;
        weights[4 * half + 2] *= __uint_as_float(words.z) * times;
        weights[4 * half + 3] *= __uint_as_float(words.w) * times;
    }
    *reinterpret_cast<Words4 *>(normed + at) = narrowed(weights);
}
