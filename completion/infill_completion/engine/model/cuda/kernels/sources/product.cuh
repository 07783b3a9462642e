// Products of one to eight rows with matrices in NF4, in the layout of packing.py.
//
// Eight rows of a matrix (outputs, inputs) and a unit of 128 inputs are a group of 512 bytes, two weights to a byte, the
// first in the upper four bits.  Blocks of 64 weights of a row share a scale, which is itself rounded:
// code[scale] * coarse[block / 256] + offset, where blocks are counted row by row.
//
// A block of threads computes tiles of 16 outputs, which are two groups.  Its warps share the inputs: each adds up a
// part of them on tensor cores, whose left matrix is 16 weights by 16 inputs and whose right one is 16 inputs by 8 rows.
// So all rows read the weights once, and a row has the same bits whatever the other rows are.  Which input stands where
// in the contraction is free, as long as both sides agree: lane 4 * g + t takes the inputs 16 * t to 16 * t + 15 of a
// block of scales, of the outputs g and g + 8 of a tile.  Its weights lie together, so that a warp reads a group with
// one instruction of 16 bytes a lane.
//
// A byte is turned into two numbers by a table in shared memory, of which every lane has its own copy: no two lanes
// ever wait for the same bank.  An entry takes 256 bytes, so that the address of an entry is one permutation of bytes;
// the upper half of the entries holds the code of the scales.
//
// Weights do not depend on the kernel before this one.  So the first of them, and the table, are loaded before
// wait_for_previous().
#pragma once
#include "portable.cuh"

constexpr int WARPS = 8, THREADS = 32 * WARPS;
constexpr int UNIT = 128; // inputs
constexpr int OUTPUTS = 16, ROWS = 8; // of a tile
constexpr int GROUP_BYTES = 512, GROUP_SCALES = 16; // of eight outputs and a unit
constexpr int TABLE_BYTES = 256 * 256;
constexpr int STAGE = 576; // bytes that a plan keeps for the end of a tile
constexpr int CODE = 128; // where the code starts within an entry

struct Matrix {
    const unsigned char *packed, *scales;
    const float *coarse, *offset;
};

// One of the two groups of outputs of a tile, as a lane reads it.
struct Output {
    const unsigned char *packed, *scales; // of this lane
    float coarse, coarse_after; // before and from the unit `turn` on
    int turn;
    float offset;
};

struct Unit {
    Words4 low, high; // weights of the outputs g and g + 8, for two blocks of scales
    unsigned low_scales, high_scales;
};

// Returns a group of outputs from unit `first` on, of which this warp takes `units`.
__device__ inline Output output_of(const Matrix &matrix, int group, int inputs, int first, int units) {
    const int lane = threadIdx.x % 32, g = lane / 4, all = inputs / UNIT;
    const size_t start = static_cast<size_t>(group) * all + first;
    const int block = (8 * group + g) * 2 * all + 2 * first, within = block & 255;
    const float *coarse = matrix.coarse + (block >> 8);
    const bool turns = within + 2 * units > 256; // two factors at most: a warp takes fewer than 256 blocks of a row
    return {matrix.packed + GROUP_BYTES * start + 16 * lane, matrix.scales + GROUP_SCALES * start + 2 * g, coarse[0],
        coarse[turns], (256 - within) / 2, *matrix.offset};
}

// Loads unit `u` after the one that `low` and `high` are at.
__device__ inline void load(Unit &unit, const Output &low, const Output &high, int u) {
    unit.low = streamed4(low.packed + GROUP_BYTES * u);
    unit.high = streamed4(high.packed + GROUP_BYTES * u);
    unit.low_scales = *reinterpret_cast<const number *>(low.scales + GROUP_SCALES * u);
    unit.high_scales = *reinterpret_cast<const number *>(high.scales + GROUP_SCALES * u);
}

__device__ inline void skip(Output &output, int units) {
    output.packed += GROUP_BYTES * units;
    output.scales += GROUP_SCALES * units;
}

// Returns the two numbers that byte `j` of `word` stands for; `copy` is four times the number of the lane.
__device__ inline unsigned looked_up(unsigned word, int j, unsigned copy) {
    return low_shared(__byte_perm(word, copy, 0x5504 | (j << 4)));
}

__device__ inline unsigned word_of(const Words4 &words, int i) {
    return i == 0 ? words.x : i == 1 ? words.y : i == 2 ? words.z : words.w;
}

__device__ inline float scale_of(unsigned scales, int b, unsigned copy, float coarse, float offset) {
    const float code = __uint_as_float(low_shared(__byte_perm(scales, copy, 0x5504 | (b << 4))));
    return fmaf(code, coarse, offset);
}

// A warp fills 32 entries: what the upper four bits stand for changes once, and the lower ones run through all levels.
__device__ inline void fill_table(unsigned char *table, const float *levels, const float *code) {
    const int lane = threadIdx.x % 32, first = threadIdx.x / 32 * 32;
    const unsigned level = rounded(levels[lane % 16]);
    const float scale = code[first + lane];
    const unsigned upper[2] = {
        __shfl_sync(0xffffffffu, level, first / 16), __shfl_sync(0xffffffffu, level, first / 16 + 1)};
    unsigned char *at = table + 256 * first;
#pragma unroll
    for (int lower = 0; lower < 16; lower++) {
        const unsigned high = __shfl_sync(0xffffffffu, level, lower) << 16;
        reinterpret_cast<unsigned *>(at + 256 * lower)[lane] = high | upper[0];
        reinterpret_cast<unsigned *>(at + 256 * (16 + lower))[lane] = high | upper[1];
    }
#pragma unroll
    for (int i = 0; i < 32; i += 4) {
        const int entry = i + lane / 8;
        const float value = __shfl_sync(0xffffffffu, scale, entry);
        reinterpret_cast<float *>(at + 256 * entry + CODE)[lane % 8] = value;
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

// Multiplies `x`, (rows, inputs), with all tiles of `plan`.  AHEAD is how many units are loaded before they are needed.
//
// `plan.low_matrix(tile)` and `plan.low_group(tile)` are the matrix and group behind the outputs 0 to 7 of a tile,
// `plan.high_matrix(tile)` and `plan.high_group(tile)` those behind 8 to 15.
// `plan.stage(tile, stage)` brings what the end of the tile needs of global memory into shared memory while the product
// is computed; all threads call it.  `plan.finish(tile, i, row, low, high, norm, stage)` takes the products of outputs i
// and i + 8; 64 threads call it, those of one row in eight neighbouring lanes.  `norm` is the reciprocal root mean square
// from `squares`, or 1.
template <int AHEAD, class Plan>
__device__ void multiply(const Plan &plan, int tiles, const float *levels, const float *code, const number *x, int rows,
    int inputs, const float *squares, int parts, float eps) {
    DYNAMIC_SHARED(shared);
    unsigned char *table = at_low_shared(shared);
    float *both_sums = reinterpret_cast<float *>(table + TABLE_BYTES); // (2, WARPS, OUTPUTS, ROWS)
    float *norms = both_sums + 2 * WARPS * OUTPUTS * ROWS;
    unsigned char *stages = reinterpret_cast<unsigned char *>(norms + ROWS);
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
        low = output_of(plan.low_matrix(tile), plan.low_group(tile), inputs, first, units);
        high = output_of(plan.high_matrix(tile), plan.high_group(tile), inputs, first, units);
#pragma unroll
        for (int j = 0; j < AHEAD; j++)
            if (j < units) load(ahead[j], low, high, j);
    }
    fill_table(table, levels, code);
    let_next_start();
    wait_for_previous();
    __syncthreads();
    if (parts > 0) write_norms(norms, squares, parts, rows, inputs, eps);
    for (bool is_odd = false; tile < tiles; tile += gridDim.x, is_odd = !is_odd) {
        // Two sets: a warp may begin the next tile while others still finish this one.
        float *sums = both_sums + (is_odd ? WARPS * OUTPUTS * ROWS : 0);
        unsigned char *stage = stages + (is_odd ? STAGE : 0);
        plan.stage(tile, stage);
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
                        const Words4 right[2] = {*reinterpret_cast<const Words4 *>(right_from + UNIT * j + 64 * b),
                            *reinterpret_cast<const Words4 *>(right_from + UNIT * j + 64 * b + 8)};
                        float part[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
                        for (int m = 0; m < 4; m++) {
                            const unsigned low_word = word_of(unit.low, 2 * b + m / 2);
                            const unsigned high_word = word_of(unit.high, 2 * b + m / 2);
                            const int byte = 2 * (m % 2);
                            const unsigned left[4] = {looked_up(low_word, byte, copy), looked_up(high_word, byte, copy),
                                looked_up(low_word, byte + 1, copy), looked_up(high_word, byte + 1, copy)};
                            const Words4 &four = right[m / 2];
                            const unsigned both[2] = {m % 2 ? four.z : four.x, m % 2 ? four.w : four.y};
                            multiply_add(part, left, both);
                        }
                        const float low_scale = scale_of(unit.low_scales, b, code_copy,
                            base + j < low.turn ? low.coarse : low.coarse_after, low.offset);
                        const float high_scale = scale_of(unit.high_scales, b, code_copy,
                            base + j < high.turn ? high.coarse : high.coarse_after, high.offset);
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
            low = output_of(plan.low_matrix(next), plan.low_group(next), inputs, first, units);
            high = output_of(plan.high_matrix(next), plan.high_group(next), inputs, first, units);
#pragma unroll
            for (int j = 0; j < AHEAD; j++)
                if (j < units) load(ahead[j], low, high, j);
        }
        finish_copies();
        __syncthreads();
        if (threadIdx.x < 8 * ROWS) {
            const int i = threadIdx.x % 8, row = threadIdx.x / 8;
            float low_sum = 0.0f, high_sum = 0.0f;
#pragma unroll
            for (int w = 0; w < WARPS; w++) {
                low_sum += sums[(w * OUTPUTS + i) * ROWS + row];
                high_sum += sums[(w * OUTPUTS + i + 8) * ROWS + row];
            }
            plan.finish(tile, i, row, low_sum, high_sum, parts > 0 && row < rows ? norms[row] : 1.0f, stage);
        }
    }
}
