// Small kernels that the emulator's own tests run.
#include "portable.cuh"

extern "C" __global__ void __launch_bounds__(256) block_sums(const float *x, float *sums, int count) {
    __shared__ float of_warp[8];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float sum = 0.0f;
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
