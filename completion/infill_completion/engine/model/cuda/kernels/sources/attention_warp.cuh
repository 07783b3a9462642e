// What a warp of attention.cu does.
#pragma once

#include "attention_cache.cuh"
#include "attention_parts.cuh"

namespace {

// The queries of a block in shared memory, as the left matrices of the products with the keys.
template <class Plan, typename Cache> struct Queries {
    static constexpr int DIM = Plan::DIM, PIECES = TILE * DIM / 8 / Plan::THREADS; // of 16 bytes, that a thread reads
    const Block<Plan> &block;
    Words4 *memory; // (DIM / 16, 32 lanes)

    __device__ void read(Words4 (&pieces)[PIECES]) const {
#pragma unroll
        for (int i = 0; i < PIECES; ++i) {
            // What stands in the place of further queries is computed in vain.
            const int item = threadIdx.x + i * Plan::THREADS, query = min(item / (DIM / 8), block.count - 1);
            pieces[i] = written4(block.in.q + block.offset(query) + item % (DIM / 8) * 8);
        }
    }

    // Lane 4g + t multiplies the dimensions of the query g or g + 8 with those of its own pieces of keys, four at a time.
    __device__ void place(const Words4 (&pieces)[PIECES]) const {
#pragma unroll
        for (int i = 0; i < PIECES; ++i) {
            const int item = threadIdx.x + i * Plan::THREADS, query = item / (DIM / 8), dim = item % (DIM / 8) * 8;
            const int piece = dim / Cache::ELEMENTS, step = (piece / 4 * Cache::ELEMENTS + dim % Cache::ELEMENTS) / 4;
            const int lane = query % 8 * 4 + piece % 4, half = query / 8;
            unsigned *const first = reinterpret_cast<unsigned *>(memory + step * 32 + lane) + half;
            unsigned *const second = first + 32 * 4;
            first[0] = pieces[i].x, first[2] = pieces[i].y;
            second[0] = pieces[i].z, second[2] = pieces[i].w;
        }
    }
};

// Weights are at most 1, and the scales of values are small.  Their product is a number, which must not get too small.
constexpr float RAISED = 128.0f;

// A warp's part.  Lane 4 * g + t holds what belongs to the queries g and g + 8.  The products run over dimensions and
// keys in any order that both operands share, so each lane reads pieces of 16 bytes of a row, straight into the registers
// of the tensor cores: the pieces 4i + t of a key, and 8i + g of a value.
template <class Plan, typename Cache> struct Warp {
    static constexpr int DIM = Plan::DIM;
    typedef typename Cache::Element Element;
    static constexpr int KEY_PIECES = DIM / Cache::ELEMENTS / 4; // that a lane reads of a key
    static constexpr int VALUE_PIECES = DIM / Cache::ELEMENTS / 8; // that a lane reads of a value
    static_assert(VALUE_PIECES > 0, "rows are too short for lanes to read 16 bytes");
    typedef Words4 Keys[KEYS / 8][KEY_PIECES];
    typedef Words4 Values[KEYS / 16][4][VALUE_PIECES];
    typedef float Scores[KEYS / 8][4]; // query g in [j][0] and [1], query g + 8 in [2] and [3]; keys 8j + 2t + 0 and 1
    typedef float Scales[KEYS / 4]; // of the keys 8j + 2t and 8j + 2t + 1
    const Block<Plan> &block;
    int warp, g, t, start; // start: first key

    __device__ explicit Warp(const Block<Plan> &block)
        : block(block), warp(threadIdx.x / 32), g(threadIdx.x % 32 / 4), t(threadIdx.x % 4),
          start(block.chunk * Plan::CHUNK + warp * KEYS) {}

    // Returns the rows of the block's head.
    template <typename T> __device__ const T *rows(const void *all, int length) const {
        return static_cast<const T *>(all) + static_cast<size_t>(block.head) * block.in.capacity * length;
    }

    // Returns which of these rows is that of a key; rows after the last one are as good as the last one.
    __device__ int row(int index, int last) const { return min(start + index, last); }

    __device__ void read_keys(Keys &keys, int last) const {
        const Element *const all = rows<Element>(block.in.keys, DIM) + t * Cache::ELEMENTS;
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) {
            const Element *const from = all + row(8 * j + g, last) * DIM;
#pragma unroll
            for (int i = 0; i < KEY_PIECES; ++i) keys[j][i] = early4(from + 4 * i * Cache::ELEMENTS);
        }
    }

    // Reads the values of the keys 16h + 2t, 16h + 2t + 1, 16h + 2t + 8 and 16h + 2t + 9.
    __device__ void read_values(Values &values, int last) const {
        const Element *const all = rows<Element>(block.in.values, DIM) + g * Cache::ELEMENTS;
#pragma unroll
        for (int h = 0; h < KEYS / 16; ++h) {
#pragma unroll
            for (int r = 0; r < 4; ++r) {
                const Element *const from = all + row(16 * h + 2 * t + r % 2 + r / 2 * 8, last) * DIM;
#pragma unroll
                for (int i = 0; i < VALUE_PIECES; ++i) values[h][r][i] = early4(from + 8 * i * Cache::ELEMENTS);
            }
        }
    }

    __device__ void read_scales(Scales &scales, const float *all, int last) const {
        const float *const from = rows<float>(all, 1);
#pragma unroll
        for (int i = 0; i < KEYS / 4; ++i) scales[i] = early(from + row(i / 2 * 8 + 2 * t + i % 2, last));
    }

    __device__ void score(Scores &scores, const Words4 *queries, const Keys &keys) const {
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) {
#pragma unroll
            for (int e = 0; e < 4; ++e) scores[j][e] = 0.0f;
        }
#pragma unroll
        for (int step = 0; step < DIM / 16; ++step) {
            const Words4 query = queries[step * 32 + 4 * g + t];
            const int piece = step * 4 / Cache::ELEMENTS, element = step * 4 % Cache::ELEMENTS;
#pragma unroll
            for (int j = 0; j < KEYS / 8; ++j) {
                const Words4 &key = keys[j][piece];
                multiply_add(scores[j], {query.x, query.y, query.z, query.w},
                    {Cache::two(key, element), Cache::two(key, element + 2)});
            }
        }
    }

    // Returns which keys query g + 8 * half sees: bit 2j + e stands for key 8j + 2t + e.
    __device__ unsigned seen(int half) const {
        const Inputs &in = block.in;
        const int shared = block.shared(), ways = static_cast<int>(early(in.ways)), at = block.at();
        const int index = at + block.row(g + 8 * half);
        if (start + KEYS <= min(in.bucket, ways == 1 ? max(at + 1, shared) : shared)) return ~0u;
        unsigned seen = 0;
#pragma unroll 1
        for (int bit = 0; bit < KEYS / 4; ++bit) {
            const int key = start + bit / 2 * 8 + 2 * t + bit % 2, distance = index - key;
            const bool is_own = distance >= 0 && (ways == 1 || static_cast<unsigned>(distance) % ways == 0);
            seen |= static_cast<unsigned>(key < in.bucket && (key < shared || is_own)) << bit;
        }
        return seen;
    }

    // Scales the scores of query g + 8 * half and hides those of keys that it does not see.
    __device__ void mask(Scores &scores, int half, unsigned seen, const Scales &scales) const {
#pragma unroll
        for (int bit = 0; bit < KEYS / 4; ++bit) {
            float &score = scores[bit / 2][2 * half + bit % 2];
            const float scale = Cache::HAS_SCALES ? scales[bit] * block.in.scale : block.in.scale;
            score = seen >> bit & 1 ? score * scale : minus_infinity();
        }
    }

    // Turns the scores of query g + 8 * half into weights, and adds them to the query's part.  Returns what earlier weights
    // are to be multiplied by.
    __device__ float weigh(Scores &scores, int half, const Scales &scales, Part &part) const {
        float top = part.top, weight = 0.0f;
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) top = fmaxf(top, fmaxf(scores[j][2 * half], scores[j][2 * half + 1]));
        for (int lane = 1; lane < 4; lane *= 2) top = fmaxf(top, __shfl_xor_sync(~0u, top, lane));
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) {
#pragma unroll
            for (int e = 2 * half; e < 2 * half + 2; ++e) {
                scores[j][e] = weight_of(scores[j][e], top);
                weight += scores[j][e];
                if (Cache::HAS_SCALES) scores[j][e] *= scales[2 * j + e % 2] * RAISED;
            }
        }
        const float earlier = weight_of(part.top, top);
        part = {top, fmaf(part.weight, earlier, weight)};
        return earlier;
    }

    // Adds up four dimensions of the values of each lane, weighted, and leaves the sums in shared memory.  They are added
    // to those of earlier steps, times `earlier`.
    __device__ void sum(const Scores &weights, const Values &values, int four, const Parts<Plan> &parts, bool is_first,
        const float (&earlier)[2]) const {
        const int piece = four * 4 / Cache::ELEMENTS, element = four * 4 % Cache::ELEMENTS;
        float sums[4][4] = {};
#pragma unroll
        for (int h = 0; h < KEYS / 16; ++h) {
            const float (&even)[4] = weights[2 * h], (&odd)[4] = weights[2 * h + 1];
            const unsigned left[4] = {
                pair(even[0], even[1]), pair(even[2], even[3]), pair(odd[0], odd[1]), pair(odd[2], odd[3])};
#pragma unroll
            for (int d = 0; d < 4; ++d) {
                const Words4 &first = values[h][0][piece], &second = values[h][1][piece];
                const Words4 &third = values[h][2][piece], &fourth = values[h][3][piece];
                multiply_add(sums[d], left,
                    {Cache::across(first, second, element + d), Cache::across(third, fourth, element + d)});
            }
        }
#pragma unroll
        for (int e = 0; e < 4; ++e) { // sums[d] holds element + d of the pieces 8 * piece + 2t and + 1
            const int query = g + e / 2 * 8, dim = (8 * piece + 2 * t + e % 2) * Cache::ELEMENTS + element;
            if (query >= parts.count) continue;
            Quad &quad = parts.quad(warp, query, dim / 4), all = {{sums[0][e], sums[1][e], sums[2][e], sums[3][e]}};
            if (!is_first) {
                for (int d = 0; d < 4; ++d) all.values[d] = fmaf(quad.values[d], earlier[e / 2], all.values[d]);
            }
            quad = all;
        }
    }

    __device__ void read_keys(Keys &keys, Scales &scales, int last) const {
        read_keys(keys, last);
        if (Cache::HAS_SCALES) read_scales(scales, block.in.key_scales, last);
    }
    __device__ void read_values(Values &values, Scales &scales, int last) const {
        read_values(values, last);
        if (Cache::HAS_SCALES) read_scales(scales, block.in.value_scales, last);
    }

    // Leaves the warp's part in shared memory.  `last` is the last key that counts.
    __device__ void work(const Parts<Plan> &parts, int last) {
        typedef Queries<Plan, Cache> Tile;
        const Tile tile = {block, parts.queries()};
        Words4 queries[Tile::PIECES];
        Keys keys;
        Values values;
        Scales key_scales, value_scales;
        // Keys that are older than the step may be read before the preceding kernel has ended.  Where not all are, they
        // are read again.
        for (bool is_old = block.is_old();; is_old = true) {
            read_keys(keys, key_scales, last);
            read_values(values, value_scales, last);
            if (is_old) break;
            wait_for_previous();
        }
        unsigned visible[2] = {seen(0), seen(1)};
        wait_for_previous();
        tile.read(queries);
        tile.place(queries);
        __syncthreads(); // the queries are in place
        Part part[2] = {{minus_infinity(), 0.0f}, {minus_infinity(), 0.0f}}; // of the queries g and g + 8
#pragma unroll
        for (int step = 0; step < Plan::STEPS; ++step) {
            const bool is_first = step == 0, has_next = step + 1 < Plan::STEPS;
            Scores scores;
            score(scores, tile.memory, keys);
            float earlier[2];
#pragma unroll
            for (int half = 0; half < 2; ++half) mask(scores, half, visible[half], key_scales);
            if (has_next) start += Plan::STRIDE, read_keys(keys, key_scales, last);
#pragma unroll
            for (int half = 0; half < 2; ++half) earlier[half] = weigh(scores, half, value_scales, part[half]);
#pragma unroll
            for (int four = 0; four < DIM / 32; ++four) sum(scores, values, four, parts, is_first, earlier);
            if (!has_next || start > last) break;
            read_values(values, value_scales, last);
            visible[0] = seen(0), visible[1] = seen(1);
        }
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            for (int lane = 1; lane < 4; lane *= 2) part[half].weight += __shfl_xor_sync(~0u, part[half].weight, lane);
            if (Cache::HAS_SCALES) part[half].weight *= RAISED;
            const int query = g + 8 * half;
            if (t == 0 && query < block.count) parts.part(warp, query) = part[half];
        }
    }
};

} // namespace
