// Small kernels that the emulator's own tests run.
#include "portable.cuh"

extern "C" __global__ void __launch_bounds__(256) block_sums(const float *x, float *sums, int count) {
    __shared__ float of_warp[8];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float sum = 0.0f;
    wait_for_previous();
    for (int i = threadIdx.x; i < count; i += blockDim.x) sum += x[blockIdx.x * count + i];
    for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffff, sum, distance);
    if (lane == 0) of_warp[warp] = sum;
    __syncthreads();
    if (warp == 0) {
        sum = lane < 8 ? of_warp[lane] : 0.0f;
        for (int distance = 4; distance > 0; distance /= 2) sum += __shfl_down_sync(0xffffffff, sum, distance);
        if (lane == 0) sums[blockIdx.x] = sum;
    }
}

// Each warp adds up the products of its tiles: (16, k) times (k, 8), `right` with k in steps of one.
extern "C" __global__ void product(const number *left, const number *right, float *result, int k) {
    int group = threadIdx.x % 32 / 4, pair_of = threadIdx.x % 4 * 2, tile = blockIdx.x;
    const unsigned *rows = reinterpret_cast<const unsigned *>(left + (tile * 16 + group) * k);
    const unsigned *below = reinterpret_cast<const unsigned *>(left + (tile * 16 + group + 8) * k);
    const unsigned *columns = reinterpret_cast<const unsigned *>(right + group * k);
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    wait_for_previous();
    for (int step = 0; step < k; step += 16) {
        int at = (step + pair_of) / 2;
        unsigned a[4] = {rows[at], below[at], rows[at + 4], below[at + 4]};
        unsigned b[2] = {columns[at], columns[at + 4]};
        multiply_add(sums, a, b);
    }
    let_next_start();
    float *tile_of = result + tile * 16 * 8;
    tile_of[group * 8 + pair_of] = sums[0];
    tile_of[group * 8 + pair_of + 1] = sums[1];
    tile_of[(group + 8) * 8 + pair_of] = sums[2];
    tile_of[(group + 8) * 8 + pair_of + 1] = sums[3];
}

// Reverses each part of `size` words by way of dynamic shared memory.
extern "C" __global__ void reverse_parts(const int *x, int *y, int size) {
    DYNAMIC_SHARED(bytes);
    int *kept = reinterpret_cast<int *>(bytes);
    wait_for_previous();
    const int first = blockIdx.x * size;
    for (int i = threadIdx.x; i < size; i += blockDim.x) kept[i] = x[first + i];
    __syncthreads();
    for (int i = threadIdx.x; i < size; i += blockDim.x) y[first + i] = kept[size - 1 - i];
}

// Counts values, and adds up the largest of each block in the block that is last to come.
extern "C" __global__ void count_and_add(const int *x, int *counts, int *largest, unsigned *finished, int *sum) {
    __shared__ int block_largest;
    __shared__ bool is_last;
    if (threadIdx.x == 0) block_largest = 0;
    __syncthreads();
    wait_for_previous();
    const int value = x[blockIdx.x * blockDim.x + threadIdx.x];
    atomicAdd(counts + value, 1);
    atomicMax(&block_largest, value);
    __syncthreads();
    if (threadIdx.x == 0) {
        largest[blockIdx.x] = block_largest;
        __threadfence();
        is_last = atomicAdd(finished, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!is_last || threadIdx.x != 0) return;
    int total = 0;
    for (unsigned i = 0; i < gridDim.x; i++) total += largest[i];
    *sum = total;
    *finished = 0;
}

// Results of each kind of vote and of exchange within a warp, 32 to a row.
extern "C" __global__ void exchanges(const int *x, int *y) {
    wait_for_previous();
    const int lane = threadIdx.x, value = x[lane];
    const unsigned all = 0xffffffffu;
    int row = 0;
    y[32 * row++ + lane] = __shfl_sync(all, value, 5);
    y[32 * row++ + lane] = __shfl_sync(all, value, 5, 8);
    y[32 * row++ + lane] = __shfl_up_sync(all, value, 3);
    y[32 * row++ + lane] = __shfl_up_sync(all, value, 3, 8);
    y[32 * row++ + lane] = __shfl_down_sync(all, value, 3);
    y[32 * row++ + lane] = __shfl_down_sync(all, value, 3, 8);
    y[32 * row++ + lane] = __shfl_xor_sync(all, value, 7);
    y[32 * row++ + lane] = static_cast<int>(__ballot_sync(all, value & 1));
    y[32 * row++ + lane] = __any_sync(all, value == 999);
    y[32 * row++ + lane] = __all_sync(all, value < 999);
    y[32 * row++ + lane] = __reduce_add_sync(all, value);
    y[32 * row++ + lane] = __reduce_max_sync(all, value);
    const unsigned half = lane < 16 ? 0xffffu : 0xffff0000u;
    y[32 * row++ + lane] = __reduce_min_sync(half, value);
    y[32 * row++ + lane] = __syncthreads_count(value & 1);
}

// Numbers there and back: x is rounded, the second half of the values comes from bits.
extern "C" __global__ void conversions(
    const float *x, const number *bits, number *rounded_x, float *widened_bits, unsigned *pairs, int count) {
    wait_for_previous();
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        rounded_x[i] = rounded(x[i]);
        widened_bits[i] = widened(bits[i]);
        pairs[i] = pair(x[i], x[count - 1 - i]);
    }
}

extern "C" __global__ void after(const float *x, float *y) {
    wait_for_previous();
    y[threadIdx.x] = 2.0f * x[threadIdx.x];
}

// Appends its number to a list: the order of blocks and threads.
extern "C" __global__ void order(int *list, int *length) {
    wait_for_previous();
    list[atomicAdd(length, 1)] = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

#define PARAMETERS const float *x, float *y
extern "C" __global__ void __launch_bounds__(32 * 2, 1) parameters_from_a_macro(PARAMETERS) {
    wait_for_previous();
    y[threadIdx.x] = x[threadIdx.x];
}

// Rotates the words of each warp, and those of its halves, again and again in the same memory.
extern "C" __global__ void rotate(const int *x, int *y, int rounds) {
    __shared__ int kept[64];
    wait_for_previous();
    const int lane = threadIdx.x % 32, warp = threadIdx.x - lane, half = lane / 16 * 16;
    int value = x[threadIdx.x];
    for (int round = 0; round < rounds; round++) {
        kept[threadIdx.x] = value;
        __syncwarp();
        value = kept[warp + (lane + 1) % 32];
        __syncwarp();
        kept[threadIdx.x] = value;
        __syncwarp(0xffffu << half);
        value = kept[warp + half + (lane + 1) % 16];
        __syncwarp();
    }
    __syncthreads();
    kept[63 - threadIdx.x] = value;
    __syncthreads();
    y[threadIdx.x] = kept[threadIdx.x];
}
