// The ends of a step: the embeddings of its tokens, and the last norm.
//
// A block works on 256 columns (a tile) of all eight rows: a warp on a row, a lane on eight columns.
#include "portable.cuh"

#include "groups.cuh"

constexpr int ROWS = 8, TILE = 256;

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
    float sum = 0.0f;
    for (int tile = threadIdx.x % 32; tile < tiles; tile += 32) sum += squares[tile * ROWS + row];
    const float times = rsqrtf(over_warp(sum) / static_cast<float>(hidden) + eps);
    if (!is_inside) return;
    const long long at = static_cast<long long>(row) * hidden + column;
    float numbers[GROUP] = {}, weights[GROUP];
    widen(scale, weights);
    if (row < rows) read_group(x + at, numbers);
#pragma unroll
    for (int i = 0; i < GROUP; ++i) numbers[i] = row < rows ? numbers[i] * times * weights[i] : 0.0f;
    write_group(normed + at, numbers);
}
