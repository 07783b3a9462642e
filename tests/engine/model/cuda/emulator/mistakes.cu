// Kernels with one mistake each, which the emulator must name.
#include "portable.cuh"

extern "C" __global__ void no_barrier(const float *x, float *y) {
    __shared__ float kept[64];
    wait_for_previous();
    kept[threadIdx.x] = x[threadIdx.x];
    y[threadIdx.x] = kept[63 - threadIdx.x];
}

// Its second round may overwrite what the first one still reads.
extern "C" __global__ void one_barrier_too_few(const float *x, float *y) {
    __shared__ float kept[64];
    wait_for_previous();
    for (int round = 0; round < 2; round++) {
        kept[threadIdx.x] = x[64 * round + threadIdx.x];
        __syncthreads();
        y[64 * round + threadIdx.x] = kept[63 - threadIdx.x];
    }
}

extern "C" __global__ void no_warp_barrier(const float *x, float *y) {
    __shared__ float kept[64];
    wait_for_previous();
    kept[threadIdx.x] = x[threadIdx.x];
    y[threadIdx.x] = kept[threadIdx.x ^ 1];
}

// A shuffle doesn't order what lanes do to memory.
extern "C" __global__ void shuffle_for_a_barrier(const float *x, float *y) {
    __shared__ float kept[64];
    wait_for_previous();
    kept[threadIdx.x] = x[threadIdx.x];
    const int partner = __shfl_xor_sync(0xffffffff, static_cast<int>(threadIdx.x), 1);
    y[threadIdx.x] = kept[partner];
}

extern "C" __global__ void ended_before_barrier(const float *x, float *y) {
    wait_for_previous();
    if (threadIdx.x >= 40) return;
    __syncthreads();
    y[threadIdx.x] = x[threadIdx.x];
}

extern "C" __global__ void barriers_apart(const float *x, float *y) {
    wait_for_previous();
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
    y[threadIdx.x] = x[threadIdx.x];
}

extern "C" __global__ void half_a_shuffle(const float *x, float *y) {
    wait_for_previous();
    if (threadIdx.x % 32 < 16) y[threadIdx.x] = __shfl_xor_sync(0xffffffff, x[threadIdx.x], 1);
}

extern "C" __global__ void reads_outside_of_mask(const float *x, float *y) {
    wait_for_previous();
    if (threadIdx.x % 32 < 16) y[threadIdx.x] = __shfl_xor_sync(0xffff, x[threadIdx.x], 16);
}

extern "C" __global__ void not_in_its_mask(const float *x, float *y) {
    wait_for_previous();
    y[threadIdx.x] = __shfl_xor_sync(0xffff, x[threadIdx.x], 1);
}

extern "C" __global__ void reads_beyond(const float *x, float *y) {
    wait_for_previous();
    y[threadIdx.x] = x[64 + threadIdx.x];
}

extern "C" __global__ void writes_beyond(const float *x, float *y) {
    wait_for_previous();
    y[64 + threadIdx.x] = x[threadIdx.x];
}

extern "C" __global__ void writes_before(const float *x, float *y) {
    wait_for_previous();
    y[static_cast<int>(threadIdx.x) - 1] = x[threadIdx.x];
}

extern "C" __global__ void writes_constants(const float *x, float *y) {
    wait_for_previous();
    const_cast<float *>(x)[threadIdx.x] = y[threadIdx.x];
}

extern "C" __global__ void shared_index(const float *x, float *y) {
    __shared__ float kept[32];
    wait_for_previous();
    kept[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = kept[threadIdx.x];
}

extern "C" __global__ void too_little_dynamic(const float *x, float *y) {
    DYNAMIC_SHARED(bytes);
    float *kept = reinterpret_cast<float *>(bytes);
    wait_for_previous();
    kept[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = kept[threadIdx.x];
}

extern "C" __global__ void misaligned_stream(const float *x, float *y) {
    wait_for_previous();
    y[threadIdx.x] = __uint_as_float(streamed4(x + threadIdx.x % 4).x);
}

extern "C" __global__ void misaligned_load(const float *x, float *y) {
    wait_for_previous();
    y[threadIdx.x] = reinterpret_cast<const float2 *>(x + threadIdx.x % 4)->x;
}

extern "C" __global__ void reads_early(const float *x, float *y) {
    const float value = x[threadIdx.x];
    wait_for_previous();
    y[threadIdx.x] = value;
}

extern "C" __global__ void writes_early(const float *x, float *y) {
    y[threadIdx.x] = x[threadIdx.x];
    wait_for_previous();
}

extern "C" __global__ void never_waits(const float *x, float *y) { y[threadIdx.x] = x[threadIdx.x]; }

extern "C" __global__ void divides(const float *x, float *y) {
    wait_for_previous();
    y[threadIdx.x] = x[threadIdx.x % (threadIdx.x / 64)];
}

extern "C" __global__ void shifts(const float *x, float *y) {
    wait_for_previous();
    y[threadIdx.x] = x[(1u << (threadIdx.x + 16)) % 64];
}

extern "C" __global__ void recurses(const float *x, float *y) {
    volatile float much[64 * 1024];
    wait_for_previous();
    for (int i = 0; i < 64 * 1024; i++) much[i] = x[0];
    y[threadIdx.x] = much[threadIdx.x];
}

extern "C" __global__ void never_ends(const float *x, float *y) {
    wait_for_previous();
    while (*static_cast<const volatile float *>(x) >= 0.0f) {
    }
    y[threadIdx.x] = x[threadIdx.x];
}
