// The products of a step, and what belongs to each of them; see product.cuh.
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
    __device__ void finish(int tile, int i, int row, float low, float high, float norm) const {
        if (row >= rows) return;
        number *at = out + static_cast<size_t>(row) * outputs + OUTPUTS * tile + i;
        at[0] = rounded(low * norm);
        at[8] = rounded(high * norm);
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    product(const float *levels, const float *code, const unsigned char *packed, const unsigned char *scales,
            const float *coarse, const float *offset, const number *x, number *out, int rows, int inputs, int outputs) {
    const Plain plan{{packed, scales, coarse, offset}, out, rows, outputs};
    multiply(plan, outputs / OUTPUTS, levels, code, x, rows, inputs, nullptr, 0, 0.0f);
}

// Queries, keys and values of a layer from the norm of the residual stream.  Queries and keys are rotated; keys and
// values go to the cache.  A tile of queries or keys holds eight numbers of the first half of a head and their partners
// of the second half.
struct Attention {
    Matrix queries, keys, values;
    const number *bias, *cosines, *sines;
    const long long *at, *shared, *ways;
    number *out, *cached_keys, *cached_values;
    int rows, heads, kv_heads, head_dim, capacity, positions;
    __device__ int rotated() const { return (heads + kv_heads) * head_dim / OUTPUTS; }
    __device__ Matrix low_matrix(int tile) const {
        const int of_queries = heads * head_dim / OUTPUTS;
        const bool is_query = tile < of_queries, is_key = tile < rotated();
        // One by one: chosen as a whole they would go through memory.
        return {is_query ? queries.packed : is_key ? keys.packed : values.packed,
                is_query ? queries.scales : is_key ? keys.scales : values.scales,
                is_query ? queries.coarse : is_key ? keys.coarse : values.coarse,
                is_query ? queries.offset : is_key ? keys.offset : values.offset};
    }
    __device__ Matrix high_matrix(int tile) const { return low_matrix(tile); }
    // Number of the group within its matrix.
    __device__ int low_group(int tile) const {
        const int of_queries = heads * head_dim / OUTPUTS, of_head = head_dim / OUTPUTS;
        if (tile >= rotated()) return 2 * (tile - rotated());
        const int own = tile < of_queries ? tile : tile - of_queries;
        return own / of_head * 2 * of_head + own % of_head;
    }
    __device__ int high_group(int tile) const {
        return low_group(tile) + (tile < rotated() ? head_dim / OUTPUTS : 1);
    }
    __device__ void finish(int tile, int i, int row, float low, float high, float norm) const {
        if (row >= rows) return;
        const int low_at = 8 * low_group(tile) + i, high_at = 8 * high_group(tile) + i;
        const int of_queries = heads * head_dim, of_keys = kv_heads * head_dim;
        const bool is_query = tile < of_queries / OUTPUTS, is_rotated = tile < rotated();
        const number *biases = bias + (is_query ? 0 : is_rotated ? of_queries : of_queries + of_keys);
        low = fmaf(low, norm, widened(biases[low_at]));
        high = fmaf(high, norm, widened(biases[high_at]));
        const int index = static_cast<int>(*at) + row;
        if (is_rotated) {
            const int first = static_cast<int>(*shared), after = static_cast<int>(index) - first;
            const int within = min(first + after / static_cast<int>(*ways), positions - 1);
            const int d = low_at % head_dim, half = d + head_dim / 2;
            const number *cosine = cosines + static_cast<size_t>(within) * head_dim;
            const number *sine = sines + static_cast<size_t>(within) * head_dim;
            const float turned = fmaf(low, widened(cosine[d]), high * widened(sine[d]));
            high = fmaf(high, widened(cosine[half]), low * widened(sine[half]));
            low = turned;
        }
        if (is_query) {
            number *to = out + static_cast<size_t>(row) * of_queries;
            to[low_at] = rounded(low);
            to[high_at] = rounded(high);
        } else if (index < capacity) {
            number *cache = is_rotated ? cached_keys : cached_values;
            cache += (static_cast<size_t>(low_at / head_dim) * capacity + index) * head_dim;
            cache[low_at % head_dim] = rounded(low);
            cache[high_at % head_dim] = rounded(high);
        }
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    project_attention(const float *levels, const float *code, const unsigned char *q_packed,
                      const unsigned char *q_scales, const float *q_coarse, const float *q_offset,
                      const unsigned char *k_packed, const unsigned char *k_scales, const float *k_coarse,
                      const float *k_offset, const unsigned char *v_packed, const unsigned char *v_scales,
                      const float *v_coarse, const float *v_offset, const number *bias, const number *x,
                      const float *squares, const number *cosines, const number *sines, const long long *at,
                      const long long *shared_tokens, const long long *ways, number *out, number *keys, number *values,
                      int rows, int inputs, int parts, float eps, int heads, int kv_heads, int head_dim, int capacity,
                      int positions) {
    const Attention plan{{q_packed, q_scales, q_coarse, q_offset}, {k_packed, k_scales, k_coarse, k_offset},
                         {v_packed, v_scales, v_coarse, v_offset}, bias, cosines, sines, at, shared_tokens, ways, out,
                         keys, values, rows, heads, kv_heads, head_dim, capacity, positions};
    const int tiles = (heads + 2 * kv_heads) * head_dim / OUTPUTS;
    multiply(plan, tiles, levels, code, x, rows, inputs, squares, parts, eps);
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
    __device__ void finish(int tile, int i, int row, float low, float high, float) const {
        const int low_at = 8 * low_group(tile) + i, high_at = 8 * high_group(tile) + i;
        const size_t first = static_cast<size_t>(row) * outputs;
        low += stream[first + low_at];
        high += stream[first + high_at];
        float square = fmaf(low, low, high * high);
#pragma unroll
        for (int distance = 1; distance < 8; distance *= 2)
            square += __shfl_xor_sync(0xffffffffu, square, distance);
        if (row >= rows) return;
        stream[first + low_at] = low;
        stream[first + high_at] = high;
        weighted[first + low_at] = rounded(low * widened(weight[low_at]));
        weighted[first + high_at] = rounded(high * widened(weight[high_at]));
        if (i == 0) squares[ROWS * tile + row] = square;
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    project_residual(const float *levels, const float *code, const unsigned char *packed, const unsigned char *scales,
                     const float *coarse, const float *offset, const number *x, const number *weight, float *stream,
                     number *weighted, float *squares, int rows, int inputs, int outputs) {
    const Residual plan{{packed, scales, coarse, offset}, weight, stream, squares, weighted, rows, outputs};
    multiply(plan, outputs / OUTPUTS, levels, code, x, rows, inputs, nullptr, 0, 0.0f);
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
    __device__ void finish(int tile, int i, int row, float low, float high, float norm) const {
        if (row >= rows) return;
        const float gated = low * norm;
        out[static_cast<size_t>(row) * outputs + 8 * tile + i] =
            rounded(gated / (1.0f + expf(-gated)) * (high * norm));
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    project_gate(const float *levels, const float *code, const unsigned char *gate_packed,
                 const unsigned char *gate_scales, const float *gate_coarse, const float *gate_offset,
                 const unsigned char *up_packed, const unsigned char *up_scales, const float *up_coarse,
                 const float *up_offset, const number *x, const float *squares, number *out, int rows, int inputs,
                 int parts, float eps, int outputs) {
    const Gate plan{{gate_packed, gate_scales, gate_coarse, gate_offset}, {up_packed, up_scales, up_coarse, up_offset},
                    out, rows, outputs};
    multiply(plan, outputs / 8, levels, code, x, rows, inputs, squares, parts, eps);
}
