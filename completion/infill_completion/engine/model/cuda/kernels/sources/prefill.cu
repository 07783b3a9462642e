// The operations between the matrix products of a prompt, thousands of rows at once; see prefill.py for the arguments.
#include "portable.cuh"

#include "groups.cuh"

constexpr int NORM_GROUPS = 2; // of a thread
constexpr int MAX_WARPS = 32;

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

// Rotates the queries and keys of a token and writes them with its values; a block works on a token, a thread on eight
// columns of each half of a head.
extern "C" __global__ void __launch_bounds__(256) rotate_and_write(const number *qkv, int stride, int batch_stride,
    const number *cosines, const number *sines, int length, int heads, int kv_heads, int head_dim, number *q,
    number *keys, number *values, int capacity, int start) {
    const int token = blockIdx.x, half = head_dim / 2, parts = half / GROUP;
    const number *own =
        qkv + static_cast<long long>(batch_stride) * blockIdx.y + static_cast<long long>(stride) * token;
    wait_for_previous();
    let_next_start();
    for (int item = threadIdx.x; item < (heads + 2 * kv_heads) * parts; item += blockDim.x) {
        const int head = item / parts, column = item % parts * GROUP;
        const number *from = own + head * head_dim + column;
        long long row = static_cast<long long>(length) * (static_cast<long long>(heads) * blockIdx.y + head) + token;
        number *to = q;
        if (head >= heads) {
            const int kv_head = head - heads;
            to = kv_head < kv_heads ? keys : values;
            row = static_cast<long long>(capacity) * (kv_head % kv_heads) + start + token;
        }
        to += row * head_dim + column;
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
        write_group(to, low), write_group(to + half, high);
    }
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
