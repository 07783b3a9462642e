// The operations between the matrix products of a prompt, thousands of rows at once; see prefill.py for the arguments.
#include "portable.cuh"

#include "groups.cuh"

constexpr int NORM_GROUPS = 2; // of a thread
constexpr int MAX_WARPS = 32;

// Returns the scale of a row of 8-bit integers with the largest absolute number; as in kv_cache.py.
__device__ inline float scale_for(float largest) { return fmaxf(largest, 1e-30f) / 127.0f; }

// Returns four numbers as 8-bit integers, the first in the lowest byte.
__device__ inline unsigned four_integers(float a, float b, float c, float d, float scale) {
    const float x[4] = {a, b, c, d};
    unsigned bytes = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) bytes |= (static_cast<unsigned>(__float2int_rn(x[i] / scale)) & 0xff) << 8 * i;
    return bytes;
}

// Adds to the residual stream and computes a norm of the sum; a block works on a row.
extern "C" __global__ void __launch_bounds__(1024) add_norm(const number *x, const number *change, const number *weight,
    float eps, int hidden, number *summed, number *normed) {
    __shared__ float sums[MAX_WARPS];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const long long row = static_cast<long long>(hidden) * blockIdx.x;
    float own[NORM_GROUPS][GROUP], other[GROUP], sum = 0.0f;
    wait_for_previous();
    let_next_start();
#pragma unroll
    for (int i = 0; i < NORM_GROUPS; ++i) {
        const int column = GROUP * (threadIdx.x + i * blockDim.x);
        if (column >= hidden) continue;
        read_group(x + row + column, own[i]);
        read_group(change + row + column, other);
#pragma unroll
        for (int j = 0; j < GROUP; ++j) own[i][j] += other[j];
        const Words4 words = narrowed(own[i]);
        *reinterpret_cast<Words4 *>(summed + row + column) = words;
        widen(words, own[i]); // the norm is that of the sum as it was written
#pragma unroll
        for (int j = 0; j < GROUP; ++j) sum += own[i][j] * own[i][j];
    }
    sum = over_warp(sum);
    if (lane == 0) sums[warp] = sum;
    __syncthreads();
    const float times = rsqrtf(over_warp(lane < warps ? sums[lane] : 0.0f) / static_cast<float>(hidden) + eps);
#pragma unroll
    for (int i = 0; i < NORM_GROUPS; ++i) {
        const int column = GROUP * (threadIdx.x + i * blockDim.x);
        if (column >= hidden) continue;
        read_group(weight + column, other);
#pragma unroll
        for (int j = 0; j < GROUP; ++j) own[i][j] *= times * other[j];
        write_group(normed + row + column, own[i]);
    }
}

// A cache of numbers.
struct Numbers {
    number *keys, *values;
    __device__ void write(bool is_key, long long row, int head_dim, int column, const float (&low)[GROUP],
        const float (&high)[GROUP], bool is_row) const {
        if (!is_row) return;
        number *const to = (is_key ? keys : values) + row * head_dim + column;
        write_group(to, low), write_group(to + head_dim / 2, high);
    }
};

// A cache of 8-bit integers with a scale a row, for heads of 128: eight neighbouring threads have a row, and those that
// have none call it too.
struct Integers {
    signed char *keys, *values;
    float *key_scales, *value_scales;
    __device__ void write(bool is_key, long long row, int head_dim, int column, const float (&low)[GROUP],
        const float (&high)[GROUP], bool is_row) const {
        const Words4 words[2] = {narrowed(low), narrowed(high)};
        float halves[2][GROUP]; // rounded to numbers first, as a step does
        widen(words[0], halves[0]), widen(words[1], halves[1]);
        float largest = 0.0f;
#pragma unroll
        for (int i = 0; i < GROUP; ++i) largest = fmaxf(largest, fmaxf(fabsf(halves[0][i]), fabsf(halves[1][i])));
#pragma unroll
        for (int apart = 1; apart < 8; apart *= 2)
            largest = fmaxf(largest, __shfl_xor_sync(0xffffffff, largest, apart));
        if (!is_row) return;
        const float scale = scale_for(largest);
        signed char *const to = (is_key ? keys : values) + row * head_dim + column;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const float (&x)[GROUP] = halves[half];
            *reinterpret_cast<Words2 *>(to + half * head_dim / 2) = {
                four_integers(x[0], x[1], x[2], x[3], scale), four_integers(x[4], x[5], x[6], x[7], scale)};
        }
        if (column == 0) (is_key ? key_scales : value_scales)[row] = scale;
    }
};

// Rotates the queries and keys of a token and writes them with its values; a block works on a token, a thread on eight
// columns of each half of a head.
template <class Cache>
__device__ inline void rotate(const number *qkv, int stride, int batch_stride, const number *cosines,
    const number *sines, int length, int heads, int kv_heads, int head_dim, number *q, const Cache &cache, int capacity,
    int start) {
    const int token = blockIdx.x, half = head_dim / 2, parts = half / GROUP, items = (heads + 2 * kv_heads) * parts;
    const number *own =
        qkv + static_cast<long long>(batch_stride) * blockIdx.y + static_cast<long long>(stride) * token;
    wait_for_previous();
    let_next_start();
    for (int first = 0; first < items; first += blockDim.x) {
        const int item = min(first + static_cast<int>(threadIdx.x), items - 1);
        const int head = item / parts, column = item % parts * GROUP;
        const bool is_item = first + static_cast<int>(threadIdx.x) < items;
        const number *from = own + head * head_dim + column;
        float low[GROUP], high[GROUP];
        read_group(from, low), read_group(from + half, high);
        if (head < heads + kv_heads) {
            const number *cosine = cosines + token * head_dim + column, *sine = sines + token * head_dim + column;
            float low_cosine[GROUP], high_cosine[GROUP], low_sine[GROUP], high_sine[GROUP];
            read_group(cosine, low_cosine), read_group(cosine + half, high_cosine);
            read_group(sine, low_sine), read_group(sine + half, high_sine);
#pragma unroll
            for (int i = 0; i < GROUP; ++i) {
                const float rotated = low[i] * low_cosine[i] + high[i] * low_sine[i];
                high[i] = high[i] * high_cosine[i] + low[i] * high_sine[i];
                low[i] = rotated;
            }
        }
        const int kv_head = head - heads;
        const long long row = static_cast<long long>(capacity) * (kv_head % max(kv_heads, 1)) + start + token;
        cache.write(kv_head < kv_heads, row, head_dim, column, low, high, is_item && kv_head >= 0);
        if (is_item && kv_head < 0) {
            const long long above = static_cast<long long>(heads) * blockIdx.y + head;
            number *const to = q + (above * length + token) * head_dim + column;
            write_group(to, low), write_group(to + half, high);
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) rotate_and_write(const number *qkv, int stride, int batch_stride,
    const number *cosines, const number *sines, int length, int heads, int kv_heads, int head_dim, number *q,
    number *keys, number *values, int capacity, int start) {
    rotate(qkv, stride, batch_stride, cosines, sines, length, heads, kv_heads, head_dim, q, Numbers{keys, values},
        capacity, start);
}

extern "C" __global__ void __launch_bounds__(256) rotate_and_round(const number *qkv, int stride, int batch_stride,
    const number *cosines, const number *sines, int length, int heads, int kv_heads, int head_dim, number *q,
    signed char *keys, signed char *values, int capacity, int start, float *key_scales, float *value_scales) {
    rotate(qkv, stride, batch_stride, cosines, sines, length, heads, kv_heads, head_dim, q,
        Integers{keys, values, key_scales, value_scales}, capacity, start);
}

// Rounds the keys and values of a step, (kv_heads, new_capacity, 128) each, into a cache; a block works on a head, a warp
// on a row.
extern "C" __global__ void __launch_bounds__(256)
    round_rows(const number *new_keys, const number *new_values, int new_capacity, const long long *at, int rows,
        int capacity, signed char *keys, signed char *values, float *key_scales, float *value_scales) {
    constexpr int HEAD_DIM = 128;
    const int row = threadIdx.x / 32, lane = threadIdx.x % 32, head = blockIdx.x;
    const bool is_key = blockIdx.y == 0;
    wait_for_previous();
    let_next_start(); // attention reads earlier keys meanwhile
    const int index = static_cast<int>(*at) + row;
    if (row >= rows || index >= capacity) return; // whole warps
    const size_t new_place = static_cast<size_t>(head) * new_capacity + index;
    const number *const from = (is_key ? new_keys : new_values) + new_place * HEAD_DIM + 4 * lane;
    const Words2 words = *reinterpret_cast<const Words2 *>(from);
    const float x[4] = {low_of(words.x), high_of(words.x), low_of(words.y), high_of(words.y)};
    float largest = fmaxf(fmaxf(fabsf(x[0]), fabsf(x[1])), fmaxf(fabsf(x[2]), fabsf(x[3])));
#pragma unroll
    for (int apart = 1; apart < 32; apart *= 2) largest = fmaxf(largest, __shfl_xor_sync(0xffffffff, largest, apart));
    const float scale = scale_for(largest);
    const size_t place = static_cast<size_t>(head) * capacity + index;
    signed char *const to = (is_key ? keys : values) + place * HEAD_DIM + 4 * lane;
    *reinterpret_cast<unsigned *>(to) = four_integers(x[0], x[1], x[2], x[3], scale);
    if (lane == 0) (is_key ? key_scales : value_scales)[place] = scale;
}

// Computes silu(gate) * up; a thread works on eight columns of a row.
extern "C" __global__ void __launch_bounds__(256) gate(const number *gate_up, int intermediate, number *gated) {
    const int column = GROUP * (blockIdx.y * blockDim.x + threadIdx.x);
    const number *row = gate_up + 2ll * intermediate * blockIdx.x;
    wait_for_previous();
    let_next_start();
    if (column >= intermediate) return;
    float gates[GROUP], ups[GROUP];
    read_group(row + column, gates), read_group(row + intermediate + column, ups);
#pragma unroll
    for (int i = 0; i < GROUP; ++i) ups[i] *= __fdividef(gates[i], 1.0f + __expf(-gates[i]));
    write_group(gated + static_cast<long long>(intermediate) * blockIdx.x + column, ups);
}
