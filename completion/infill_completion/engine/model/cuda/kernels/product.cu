// Products of one to eight rows with matrices in NF4, read as bitsandbytes stores them.
//
// A matrix (outputs, inputs) is packed row by row, two weights to a byte, the first in the upper four bits.  Blocks of
// 64 weights of a row share a scale, which is itself rounded: code[scales[block]] * coarse[block / 256] + offset.
//
// A block of threads computes tiles of 16 outputs.  Its warps share the inputs: each adds up a part of them, in units
// of 128, on tensor cores whose left matrix is 16 weights by 16 inputs and whose right one is 16 inputs by 8 rows.  So
// all rows read the weights once, and a row has the same bits whatever the other rows are.  Which input stands where in
// the contraction is free, as long as both sides agree: lane 4 * g + t takes the inputs 16 * t to 16 * t + 15 of a
// block of scales, which it loads with one instruction for output g and one for output g + 8.
//
// A byte is turned into two numbers by a table in shared memory, of which every lane has its own copy: no two lanes
// ever wait for the same bank.  An entry takes 256 bytes, so that the address of an entry is one permutation of bytes;
// the upper half of the entries holds the code of the scales.
//
// Weights do not depend on the kernel before this one.  So the first of them, and the table, are loaded before
// wait_for_previous().
#include "portable.cuh"

constexpr int WARPS = 8, THREADS = 32 * WARPS;
constexpr int AHEAD = 4;                    // units that are loaded before they are needed
constexpr int UNIT = 128;                   // inputs
constexpr int OUTPUTS = 16, ROWS = 8;       // of a tile
constexpr int TABLE_BYTES = 256 * 256;
constexpr int CODE = 128;                   // where the code starts within an entry

struct Matrix {
    const unsigned char *packed, *scales;
    const float *coarse, *offset;
};

// One of the two outputs of a tile that a lane reads.
struct Output {
    const unsigned char *packed;  // of this lane
    const unsigned char *scales;
    const float *coarse;
    int block;                    // number of the first block of scales
    float offset;
};

struct Unit {
    Words2 low[2], high[2];       // weights of the outputs g and g + 8, for two blocks of scales
    unsigned low_scales, high_scales;
    float low_coarse, high_coarse;
};

__device__ inline Output output_of(const Matrix &matrix, int row, int inputs, int t, int first) {
    const int block = row * (inputs / 64) + 2 * first;
    return {matrix.packed + static_cast<size_t>(row) * (inputs / 2) + 64 * first + 8 * t, matrix.scales + block,
            matrix.coarse, block, *matrix.offset};
}

// Loads unit `u` after the first one of this warp.
__device__ inline void load(Unit &unit, const Output &low, const Output &high, int u) {
    unit.low[0] = streamed2(low.packed + 64 * u);
    unit.high[0] = streamed2(high.packed + 64 * u);
    unit.low[1] = streamed2(low.packed + 64 * u + 32);
    unit.high[1] = streamed2(high.packed + 64 * u + 32);
    unit.low_scales = *reinterpret_cast<const number *>(low.scales + 2 * u);
    unit.high_scales = *reinterpret_cast<const number *>(high.scales + 2 * u);
    unit.low_coarse = low.coarse[(low.block + 2 * u) >> 8];
    unit.high_coarse = high.coarse[(high.block + 2 * u) >> 8];
}

__device__ inline void skip(Output &output, int units) {
    output.packed += 64 * units;
    output.scales += 2 * units;
    output.block += 2 * units;
}

// Returns the two numbers that byte `j` of `word` stands for; `copy` is four times the number of the lane.
__device__ inline unsigned looked_up(unsigned word, int j, unsigned copy) {
    return low_shared(__byte_perm(word, copy, 0x5504 | (j << 4)));
}

__device__ inline float scale_of(unsigned scales, int b, unsigned copy, float coarse, float offset) {
    const float code = __uint_as_float(low_shared(__byte_perm(scales, copy, 0x5504 | (b << 4))));
    return fmaf(code, coarse, offset);
}

__device__ inline void fill_table(unsigned char *table, const float *levels, const float *code) {
    const int lane = threadIdx.x % 32;
    for (int entry = threadIdx.x / 32; entry < 256; entry += WARPS) {
        unsigned char *at = table + 256 * entry;
        reinterpret_cast<unsigned *>(at)[lane] = pair(levels[entry >> 4], levels[entry & 15]);
        if (lane < 8) reinterpret_cast<float *>(at + CODE)[lane] = code[entry];
    }
}

// Writes the reciprocal root mean square of each row: `squares` are sums of squares, (parts, 8).  A warp a row.
__device__ inline void write_norms(float *norms, const float *squares, int parts, int rows, int inputs, float eps) {
    const int row = threadIdx.x / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    float sum = 0.0f;
#pragma unroll 8
    for (int part = lane; part < parts; part += 32) sum += squares[ROWS * part + row];
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    if (lane == 0) norms[row] = rsqrtf(sum / static_cast<float>(inputs) + eps);
}

// Multiplies `x`, (rows, inputs), with all tiles of `plan`.
//
// `plan.low(tile, g)` and `plan.high(tile, g)` are the matrix and row behind the outputs g and g + 8 of a tile.
// `plan.finish(tile, i, row, low, high, norm)` takes the products of outputs i and i + 8; 64 threads call it, those of
// one row in eight neighbouring lanes.  `norm` is the reciprocal root mean square from `squares`, or 1.
template <class Plan>
__device__ void multiply(const Plan &plan, int tiles, const float *levels, const float *code, const number *x, int rows,
                         int inputs, const float *squares, int parts, float eps) {
    DYNAMIC_SHARED(shared);
    unsigned char *table = at_low_shared(shared);
    float *sums = reinterpret_cast<float *>(table + TABLE_BYTES);  // (WARPS, OUTPUTS, ROWS)
    float *norms = sums + WARPS * OUTPUTS * ROWS;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    const unsigned copy = 4 * lane, code_copy = CODE + 4 * g;
    const int all_units = inputs / UNIT, first = all_units * warp / WARPS;
    const int units = all_units * (warp + 1) / WARPS - first;
    // The columns that no row needs repeat the last one.
    const number *right_at = x + static_cast<size_t>(min(g, rows - 1)) * inputs + UNIT * first + 16 * t;

    Unit ahead[AHEAD];
    Output low, high;
    int tile = blockIdx.x;
    if (tile < tiles) {
        low = output_of(plan.low_matrix(tile), plan.low_row(tile, g), inputs, t, first);
        high = output_of(plan.high_matrix(tile), plan.high_row(tile, g), inputs, t, first);
#pragma unroll
        for (int j = 0; j < AHEAD; j++)
            if (j < units) load(ahead[j], low, high, j);
    }
    fill_table(table, levels, code);
    let_next_start();
    wait_for_previous();
    __syncthreads();
    if (parts > 0) write_norms(norms, squares, parts, rows, inputs, eps);
    for (; tile < tiles; tile += gridDim.x) {
        float total[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        const number *right_from = right_at;
        for (int base = 0; base < units; base += AHEAD) {
            skip(low, AHEAD);
            skip(high, AHEAD);
#pragma unroll
            for (int j = 0; j < AHEAD; j++) {
                if (base + j < units) {
                    const Unit &unit = ahead[j];
#pragma unroll
                    for (int b = 0; b < 2; b++) {
                        const Words4 right[2] = {
                            *reinterpret_cast<const Words4 *>(right_from + UNIT * j + 64 * b),
                            *reinterpret_cast<const Words4 *>(right_from + UNIT * j + 64 * b + 8)};
                        float part[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
                        for (int m = 0; m < 4; m++) {
                            const unsigned low_word = m < 2 ? unit.low[b].x : unit.low[b].y;
                            const unsigned high_word = m < 2 ? unit.high[b].x : unit.high[b].y;
                            const int byte = 2 * (m % 2);
                            const unsigned left[4] = {
                                looked_up(low_word, byte, copy), looked_up(high_word, byte, copy),
                                looked_up(low_word, byte + 1, copy), looked_up(high_word, byte + 1, copy)};
                            const Words4 &four = right[m / 2];
                            const unsigned both[2] = {m % 2 ? four.z : four.x, m % 2 ? four.w : four.y};
                            multiply_add(part, left, both);
                        }
                        const float low_scale =
                            scale_of(unit.low_scales, b, code_copy, unit.low_coarse, low.offset);
                        const float high_scale =
                            scale_of(unit.high_scales, b, code_copy, unit.high_coarse, high.offset);
                        total[0] = fmaf(low_scale, part[0], total[0]);
                        total[1] = fmaf(low_scale, part[1], total[1]);
                        total[2] = fmaf(high_scale, part[2], total[2]);
                        total[3] = fmaf(high_scale, part[3], total[3]);
                    }
                    if (base + j + AHEAD < units) load(ahead[j], low, high, j);
                }
            }
            right_from += UNIT * AHEAD;
        }
        const int next = tile + gridDim.x;
        float *mine = sums + (warp * OUTPUTS + g) * ROWS + 2 * t;
        mine[0] = total[0];
        mine[1] = total[1];
        mine[8 * ROWS] = total[2];
        mine[8 * ROWS + 1] = total[3];
        if (next < tiles) {
            low = output_of(plan.low_matrix(next), plan.low_row(next, g), inputs, t, first);
            high = output_of(plan.high_matrix(next), plan.high_row(next, g), inputs, t, first);
#pragma unroll
            for (int j = 0; j < AHEAD; j++)
                if (j < units) load(ahead[j], low, high, j);
        }
        __syncthreads();
        if (threadIdx.x < 8 * ROWS) {
            const int i = threadIdx.x % 8, row = threadIdx.x / 8;
            float low_sum = 0.0f, high_sum = 0.0f;
#pragma unroll
            for (int w = 0; w < WARPS; w++) {
                low_sum += sums[(w * OUTPUTS + i) * ROWS + row];
                high_sum += sums[(w * OUTPUTS + i + 8) * ROWS + row];
            }
            plan.finish(tile, i, row, low_sum, high_sum, parts > 0 && row < rows ? norms[row] : 1.0f);
        }
        __syncthreads();
    }
}

// The product alone: out (rows, outputs).
struct Plain {
    Matrix matrix;
    number *out;
    int rows, outputs;
    __device__ Matrix low_matrix(int) const { return matrix; }
    __device__ Matrix high_matrix(int) const { return matrix; }
    __device__ int low_row(int tile, int g) const { return OUTPUTS * tile + g; }
    __device__ int high_row(int tile, int g) const { return OUTPUTS * tile + g + 8; }
    __device__ void finish(int tile, int i, int row, float low, float high, float norm) const {
        if (row >= rows) return;
        number *at = out + static_cast<size_t>(row) * outputs + low_row(tile, i);
        at[0] = rounded(low * norm);
        at[8] = rounded(high * norm);
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, 2)
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
        return tile < of_queries ? queries : tile < rotated() ? keys : values;
    }
    __device__ Matrix high_matrix(int tile) const { return low_matrix(tile); }
    // Number of the output within its matrix.
    __device__ int low_row(int tile, int g) const {
        const int of_queries = heads * head_dim / OUTPUTS, of_head = head_dim / OUTPUTS;
        if (tile >= rotated()) return OUTPUTS * (tile - rotated()) + g;
        const int own = tile < of_queries ? tile : tile - of_queries;
        return own / of_head * head_dim + own % of_head * 8 + g;
    }
    __device__ int high_row(int tile, int g) const {
        return low_row(tile, g) + (tile < rotated() ? head_dim / 2 : 8);
    }
    __device__ void finish(int tile, int i, int row, float low, float high, float norm) const {
        if (row >= rows) return;
        const int low_at = low_row(tile, i), high_at = high_row(tile, i);
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

extern "C" __global__ void __launch_bounds__(THREADS, 2)
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
    __device__ int low_row(int tile, int g) const { return OUTPUTS * tile + g; }
    __device__ int high_row(int tile, int g) const { return OUTPUTS * tile + g + 8; }
    __device__ void finish(int tile, int i, int row, float low, float high, float) const {
        const int low_at = low_row(tile, i), high_at = high_row(tile, i);
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

extern "C" __global__ void __launch_bounds__(THREADS, 2)
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
    __device__ int low_row(int tile, int g) const { return 8 * tile + g; }
    __device__ int high_row(int tile, int g) const { return 8 * tile + g; }
    __device__ void finish(int tile, int i, int row, float low, float high, float norm) const {
        if (row >= rows) return;
        const float gated = low * norm;
        out[static_cast<size_t>(row) * outputs + low_row(tile, i)] =
            rounded(gated / (1.0f + expf(-gated)) * (high * norm));
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    project_gate(const float *levels, const float *code, const unsigned char *gate_packed,
                 const unsigned char *gate_scales, const float *gate_coarse, const float *gate_offset,
                 const unsigned char *up_packed, const unsigned char *up_scales, const float *up_coarse,
                 const float *up_offset, const number *x, const float *squares, number *out, int rows, int inputs,
                 int parts, float eps, int outputs) {
    const Gate plan{{gate_packed, gate_scales, gate_coarse, gate_offset}, {up_packed, up_scales, up_coarse, up_offset},
                    out, rows, outputs};
    multiply(plan, outputs / 8, levels, code, x, rows, inputs, squares, parts, eps);
}
