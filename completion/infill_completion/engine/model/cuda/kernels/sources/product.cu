// The products of a step, and what belongs to each of them; see product.cuh.
//
// Each is compiled twice, and which is faster depends on the shape and the device: name_4x2 loads four units ahead and
// two of its blocks share a multiprocessor, name_2x3 loads two ahead, with 80 registers a thread, and three blocks do.
#include "product.cuh"

// The product alone: out (rows, outputs).
struct Plain {
    Matrix matrix;
    number *out;
    int rows, outputs;
    __device__ Matrix low_matrix(int) const { return matrix; }
    __device__ Matrix high_matrix(int) const { return matrix; }
    __device__ int low_group(int tile) const { return 2 * tile; }
    __device__ int high_group(int tile) const { return 2 * tile + 1; }
    __device__ void stage(int, unsigned char *) const {}
    __device__ void finish(int tile, int i, int row, float low, float high, float norm, const unsigned char *) const {
        if (row >= rows) return;
        number *at = out + static_cast<size_t>(row) * outputs + OUTPUTS * tile + i;
        at[0] = rounded(low * norm);
        at[8] = rounded(high * norm);
    }
};

#define PRODUCT_PARAMETERS                                                                                             \
    const float *levels, const float *code, const unsigned char *packed, const unsigned char *scales,                  \
        const float *coarse, const float *offset, const number *x, number *out, int rows, int inputs, int outputs
template <int AHEAD> __device__ void product(PRODUCT_PARAMETERS) {
    const Plain plan{{packed, scales, coarse, offset}, out, rows, outputs};
    multiply<AHEAD>(plan, outputs / OUTPUTS, levels, code, x, rows, inputs, nullptr, 0, 0.0f);
}
extern "C" __global__ void __launch_bounds__(THREADS, 2) product_4x2(PRODUCT_PARAMETERS) {
    product<4>(levels, code, packed, scales, coarse, offset, x, out, rows, inputs, outputs);
}
extern "C" __global__ void __launch_bounds__(THREADS, 3) product_2x3(PRODUCT_PARAMETERS) {
    product<2>(levels, code, packed, scales, coarse, offset, x, out, rows, inputs, outputs);
}

// Queries, keys and values of a layer from the norm of the residual stream.  Queries and keys are rotated; keys and
// values go to the cache.  A tile holds eight numbers of the first half of a head and their partners of the second half.
struct Attention {
    Matrix queries, keys, values;
    const number *bias, *cosines, *sines;
    const long long *at, *shared, *ways;
    number *out, *cached_keys, *cached_values;
    int rows, heads, kv_heads, head_dim, capacity, positions;
    __device__ int tiles_of_head() const { return head_dim / OUTPUTS; }
    __device__ int head_of(int tile) const { return tile / tiles_of_head(); }
    __device__ Matrix low_matrix(int tile) const {
        const int head = head_of(tile);
        const bool is_query = head < heads, is_key = head < heads + kv_heads;
        // One by one: chosen as a whole they would go through memory.
        return {is_query ? queries.packed
                : is_key ? keys.packed
                         : values.packed,
            is_query     ? queries.scales
                : is_key ? keys.scales
                         : values.scales,
            is_query     ? queries.coarse
                : is_key ? keys.coarse
                         : values.coarse,
            is_query     ? queries.offset
                : is_key ? keys.offset
                         : values.offset};
    }
    __device__ Matrix high_matrix(int tile) const { return low_matrix(tile); }
    // Number of the group within its matrix.
    __device__ int low_group(int tile) const {
        const int head = head_of(tile), before = head < heads ? 0 : head < heads + kv_heads ? heads : heads + kv_heads;
        return tile + (head - 2 * before) * tiles_of_head(); // two groups a tile, and those of the other matrices less
    }
    __device__ int high_group(int tile) const { return low_group(tile) + tiles_of_head(); }
    // Per row eight cosines of each half and eight sines of each half; then eight biases of each half; then the index.
    __device__ void stage(int tile, unsigned char *stage) const {
        const int head = head_of(tile), d = 8 * (tile % tiles_of_head()), lane = threadIdx.x % 32, row = lane / 4;
        if (threadIdx.x / 32 == WARPS - 1) {
            const int index = static_cast<int>(*at), first = static_cast<int>(*shared), after = index + row - first;
            const int position = min(first + after / static_cast<int>(*ways), positions - 1);
            const number *turn = (lane & 2 ? sines : cosines) + position * head_dim + d + (lane & 1 ? head_dim / 2 : 0);
            if (row < rows) copy_later(stage + 16 * lane, turn);
            if (lane == 0) *reinterpret_cast<int *>(stage + 544) = index;
        } else if (threadIdx.x / 32 == WARPS - 2 && lane < 2) {
            copy_later(stage + 512 + 16 * lane, bias + head * head_dim + d + (lane ? head_dim / 2 : 0));
        }
    }
    __device__ void finish(
        int tile, int i, int row, float low, float high, float norm, const unsigned char *stage) const {
        if (row >= rows) return;
        const int head = head_of(tile), d = 8 * (tile % tiles_of_head()) + i, half = d + head_dim / 2;
        const number *turn = reinterpret_cast<const number *>(stage) + 32 * row + i;
        const number *biases = reinterpret_cast<const number *>(stage + 512) + i;
        low = fmaf(low, norm, widened(biases[0]));
        high = fmaf(high, norm, widened(biases[8]));
        if (head < heads + kv_heads) {
            const float turned = fmaf(low, widened(turn[0]), high * widened(turn[16]));
            high = fmaf(high, widened(turn[8]), low * widened(turn[24]));
            low = turned;
        }
        const int index = *reinterpret_cast<const int *>(stage + 544) + row;
        number *to = out + (row * heads + head) * head_dim;
        if (head >= heads) {
            if (index >= capacity) return;
            const bool is_key = head < heads + kv_heads;
            const int own = head - heads - (is_key ? 0 : kv_heads);
            to = (is_key ? cached_keys : cached_values) + (static_cast<size_t>(own) * capacity + index) * head_dim;
        }
        to[d] = rounded(low);
        to[half] = rounded(high);
    }
};

#define PROJECT_ATTENTION_PARAMETERS                                                                                   \
    const float *levels, const float *code, const unsigned char *q_packed, const unsigned char *q_scales,              \
        const float *q_coarse, const float *q_offset, const unsigned char *k_packed, const unsigned char *k_scales,    \
        const float *k_coarse, const float *k_offset, const unsigned char *v_packed, const unsigned char *v_scales,    \
        const float *v_coarse, const float *v_offset, const number *bias, const number *x, const float *squares,       \
        const number *cosines, const number *sines, const long long *at, const long long *shared_tokens,               \
        const long long *ways, number *out, number *keys, number *values, int rows, int inputs, int parts, float eps,  \
        int heads, int kv_heads, int head_dim, int capacity, int positions
template <int AHEAD> __device__ void project_attention(PROJECT_ATTENTION_PARAMETERS) {
    const Attention plan{{q_packed, q_scales, q_coarse, q_offset}, {k_packed, k_scales, k_coarse, k_offset},
        {v_packed, v_scales, v_coarse, v_offset}, bias, cosines, sines, at, shared_tokens, ways, out, keys, values,
        rows, heads, kv_heads, head_dim, capacity, positions};
    const int tiles = (heads + 2 * kv_heads) * head_dim / OUTPUTS;
    multiply<AHEAD>(plan, tiles, levels, code, x, rows, inputs, squares, parts, eps);
}
extern "C" __global__ void __launch_bounds__(THREADS, 2) project_attention_4x2(PROJECT_ATTENTION_PARAMETERS) {
    project_attention<4>(levels, code, q_packed, q_scales, q_coarse, q_offset, k_packed, k_scales, k_coarse, k_offset,
        v_packed, v_scales, v_coarse, v_offset, bias, x, squares, cosines, sines, at, shared_tokens, ways, out, keys,
        values, rows, inputs, parts, eps, heads, kv_heads, head_dim, capacity, positions);
}
extern "C" __global__ void __launch_bounds__(THREADS, 3) project_attention_2x3(PROJECT_ATTENTION_PARAMETERS) {
    project_attention<2>(levels, code, q_packed, q_scales, q_coarse, q_offset, k_packed, k_scales, k_coarse, k_offset,
        v_packed, v_scales, v_coarse, v_offset, bias, x, squares, cosines, sines, at, shared_tokens, ways, out, keys,
        values, rows, inputs, parts, eps, heads, kv_heads, head_dim, capacity, positions);
}

// A product that is added to the residual stream, float32 (8, outputs).  Also writes the stream times the weight of
// the norm that follows, and the sums of squares of each tile: the next product divides by the root mean square.
struct Residual {
    Matrix matrix;
    const number *weight;
    float *stream, *squares;
    number *weighted;
    int rows, outputs;
    __device__ Matrix low_matrix(int) const { return matrix; }
    __device__ Matrix high_matrix(int) const { return matrix; }
    __device__ int low_group(int tile) const { return 2 * tile; }
    __device__ int high_group(int tile) const { return 2 * tile + 1; }
    // The stream's 16 numbers of each row, then the weights of the norm.
    __device__ void stage(int tile, unsigned char *stage) const {
        const int lane = threadIdx.x % 32, row = lane / 4;
        if (threadIdx.x / 32 == WARPS - 1) {
            const float *from = stream + static_cast<size_t>(row) * outputs + OUTPUTS * tile + 4 * (lane % 4);
            copy_later(stage + 16 * lane, from);
        } else if (threadIdx.x / 32 == WARPS - 2 && lane < 2) {
            copy_later(stage + 512 + 16 * lane, weight + OUTPUTS * tile + 8 * lane);
        }
    }
    __device__ void finish(int tile, int i, int row, float low, float high, float, const unsigned char *stage) const {
        const float *before = reinterpret_cast<const float *>(stage) + OUTPUTS * row + i;
        const number *weights = reinterpret_cast<const number *>(stage + 512) + i;
        low += before[0];
        high += before[8];
        float square = fmaf(low, low, high * high);
#pragma unroll
        for (int distance = 1; distance < 8; distance *= 2) square += __shfl_xor_sync(0xffffffffu, square, distance);
        if (row >= rows) return;
        const size_t at = static_cast<size_t>(row) * outputs + OUTPUTS * tile + i;
        stream[at] = low;
        stream[at + 8] = high;
        weighted[at] = rounded(low * widened(weights[0]));
        weighted[at + 8] = rounded(high * widened(weights[8]));
        if (i == 0) squares[ROWS * tile + row] = square;
    }
};

#define PROJECT_RESIDUAL_PARAMETERS                                                                                    \
    const float *levels, const float *code, const unsigned char *packed, const unsigned char *scales,                  \
        const float *coarse, const float *offset, const number *x, const number *weight, float *stream,                \
        number *weighted, float *squares, int rows, int inputs, int outputs
template <int AHEAD> __device__ void project_residual(PROJECT_RESIDUAL_PARAMETERS) {
    const Residual plan{{packed, scales, coarse, offset}, weight, stream, squares, weighted, rows, outputs};
    multiply<AHEAD>(plan, outputs / OUTPUTS, levels, code, x, rows, inputs, nullptr, 0, 0.0f);
}
extern "C" __global__ void __launch_bounds__(THREADS, 2) project_residual_4x2(PROJECT_RESIDUAL_PARAMETERS) {
    project_residual<4>(
        levels, code, packed, scales, coarse, offset, x, weight, stream, weighted, squares, rows, inputs, outputs);
}
extern "C" __global__ void __launch_bounds__(THREADS, 3) project_residual_2x3(PROJECT_RESIDUAL_PARAMETERS) {
    project_residual<2>(
        levels, code, packed, scales, coarse, offset, x, weight, stream, weighted, squares, rows, inputs, outputs);
}

// silu(gate) * up from the norm of the residual stream: out (8, outputs).  A tile holds eight of each.
struct Gate {
    Matrix gate, up;
    number *out;
    int rows, outputs;
    __device__ Matrix low_matrix(int) const { return gate; }
    __device__ Matrix high_matrix(int) const { return up; }
    __device__ int low_group(int tile) const { return tile; }
    __device__ int high_group(int tile) const { return tile; }
    __device__ void stage(int, unsigned char *) const {}
    __device__ void finish(int tile, int i, int row, float low, float high, float norm, const unsigned char *) const {
        if (row >= rows) return;
        const float gated = low * norm;
        out[static_cast<size_t>(row) * outputs + 8 * tile + i] = rounded(gated / (1.0f + expf(-gated)) * (high * norm));
    }
};

#define PROJECT_GATE_PARAMETERS                                                                                        \
    const float *levels, const float *code, const unsigned char *gate_packed, const unsigned char *gate_scales,        \
        const float *gate_coarse, const float *gate_offset, const unsigned char *up_packed,                            \
        const unsigned char *up_scales, const float *up_coarse, const float *up_offset, const number *x,               \
        const float *squares, number *out, int rows, int inputs, int parts, float eps, int outputs
template <int AHEAD> __device__ void project_gate(PROJECT_GATE_PARAMETERS) {
    const Gate plan{{gate_packed, gate_scales, gate_coarse, gate_offset}, {up_packed, up_scales, up_coarse, up_offset},
        out, rows, outputs};
    multiply<AHEAD>(plan, outputs / 8, levels, code, x, rows, inputs, squares, parts, eps);
}
extern "C" __global__ void __launch_bounds__(THREADS, 2) project_gate_4x2(PROJECT_GATE_PARAMETERS) {
    project_gate<4>(levels, code, gate_packed, gate_scales, gate_coarse, gate_offset, up_packed, up_scales, up_coarse,
        up_offset, x, squares, out, rows, inputs, parts, eps, outputs);
}
extern "C" __global__ void __launch_bounds__(THREADS, 3) project_gate_2x3(PROJECT_GATE_PARAMETERS) {
    project_gate<2>(levels, code, gate_packed, gate_scales, gate_coarse, gate_offset, up_packed, up_scales, up_coarse,
        up_offset, x, squares, out, rows, inputs, parts, eps, outputs);
}
