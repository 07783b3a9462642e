// The parts of the result of attention.cu, and where they are kept.
#pragma once

#include "portable.cuh"

namespace {

constexpr int KEYS = 32; // that a warp takes at a time
constexpr int TILE = 16; // queries of a block

// How the work is divided: a block has WARPS warps, each of which takes STEPS times KEYS keys.
template <int DIMENSIONS, int WARPS, int STEPS_OF_A_WARP> struct Plan {
    static constexpr int DIM = DIMENSIONS, PARTS = WARPS, STEPS = STEPS_OF_A_WARP;
    static constexpr int STRIDE = PARTS * KEYS; // from a step's keys to the next one's
    static constexpr int CHUNK = STEPS * STRIDE; // keys of a block
    static constexpr int THREADS = 32 * PARTS;
};

struct Inputs {
    const number *q; // (rows, kv_heads, group, DIM)
    const void *keys, *values; // (kv_heads, capacity, DIM), numbers or 8-bit integers
    const float *key_scales, *value_scales; // of these integers, (kv_heads, capacity)
    const long long *at; // cache index of the first row
    const long long *shared, *ways;
    float *sums; // scratch, (kv_heads, rows * group, chunks, DIM)
    float *stats; // scratch, (kv_heads, rows * group, chunks, 2)
    int *counters; // (kv_heads, tiles), all 0
    number *out; // as q
    int rows, group, reciprocal; // reciprocal: of group, times 2 ** 16, rounded up
    int capacity, bucket, likely;
    float scale; // of scores, log2(e) included
};

// What some keys amount to: the highest score, and the sum of all weights 2 ** (score - top).
struct __align__(8) Part {
    float top, weight;
};
struct __align__(16) Quad {
    float values[4];
};

__device__ inline float minus_infinity() { return __uint_as_float(0xff800000); }

// Returns 2 ** (score - top): 0 for a score of minus infinity, even where that is the top.
__device__ inline float weight_of(float score, float top) {
    return exp2f(score - (top == minus_infinity() ? 0.0f : top));
}

struct Merged {
    Quad sums;
    Part part;

    // Nothing changes where the other has no visible key.
    __device__ void add(const Merged &other) {
        const float top = fmaxf(part.top, other.part.top);
        const float mine = weight_of(part.top, top), others = weight_of(other.part.top, top);
        part = {top, fmaf(others, other.part.weight, part.weight * mine)};
        for (int d = 0; d < 4; ++d) sums.values[d] = fmaf(others, other.sums.values[d], sums.values[d] * mine);
    }
};

// The shared memory of a block: the queries, and what the warps make of them.
template <class Plan> struct Parts {
    static constexpr int DIM = Plan::DIM, PARTS = Plan::PARTS;
    unsigned char *memory; // the queries, the sums (PARTS, count, DIM), the parts (PARTS, count), a flag
    int count;

    __device__ Words4 *queries() const { return reinterpret_cast<Words4 *>(memory); }
    __device__ float *sums() const { return reinterpret_cast<float *>(memory + TILE * DIM * sizeof(number)); }
    __device__ Part *parts() const { return reinterpret_cast<Part *>(sums() + PARTS * count * DIM); }
    __device__ int *flag() const { return reinterpret_cast<int *>(parts() + PARTS * count); }
    __device__ Part &part(int index, int query) const { return parts()[index * count + query]; }

    // Four neighbouring sums.  They are stored in an order that keeps the lanes of a warp on different banks.
    __device__ Quad &quad(int index, int query, int number) const {
        const int slot = number ^ ((number >> 2) & 3) ^ (query & 1);
        return reinterpret_cast<Quad *>(sums() + (index * count + query) * DIM)[slot];
    }

    __device__ Merged merged(int query, int number) const {
        Merged all = {{{0.0f, 0.0f, 0.0f, 0.0f}}, {part(0, query).top, 0.0f}};
        for (int i = 1; i < PARTS; ++i) all.part.top = fmaxf(all.part.top, part(i, query).top);
#pragma unroll
        for (int i = 0; i < PARTS; ++i) {
            const float weight = weight_of(part(i, query).top, all.part.top);
            const Quad &sums = quad(i, query, number);
            all.part.weight = fmaf(weight, part(i, query).weight, all.part.weight);
            for (int d = 0; d < 4; ++d) all.sums.values[d] = fmaf(weight, sums.values[d], all.sums.values[d]);
        }
        return all;
    }
};

// Where a block stands.
template <class Plan> struct Block {
    static constexpr int DIM = Plan::DIM;
    const Inputs &in;
    int head, chunk, first, count; // key-value head; first query and number of queries of the tile

    __device__ explicit Block(const Inputs &in)
        : in(in), head(blockIdx.x), chunk(blockIdx.y), first(blockIdx.z * TILE),
          count(min(TILE, in.rows * in.group - first)) {}

    // Returns (first + query) / group, which is exact for queries below 256.
    __device__ int row(int query) const { return (first + query) * in.reciprocal >> 16; }

    // Returns where a query of the tile lies in `q` and `out`.
    __device__ size_t offset(int query) const {
        const int row = this->row(query), member = first + query - row * in.group;
        return ((static_cast<size_t>(row) * gridDim.x + head) * in.group + member) * DIM;
    }

    // Returns the number of a chunk's part in the scratch memory.
    __device__ size_t part(int query, int of_chunk) const {
        return (static_cast<size_t>(head) * in.rows * in.group + first + query) * gridDim.y + of_chunk;
    }

    __device__ int at() const { return static_cast<int>(early(in.at)); }
    __device__ int shared() const { return static_cast<int>(early(in.shared)); }

    // Returns how many keys some row sees.
    __device__ int end() const { return min(max(at() + in.rows, shared()), in.bucket); }

    // Returns whether all keys of the chunk that some row sees are older than the step.
    __device__ bool is_old() const { return min((chunk + 1) * Plan::CHUNK, in.bucket) <= at(); }

    // Writes four results, or what this chunk adds to them.
    __device__ void write(int query, int number, const Merged &all, bool is_whole) const {
        if (is_whole) {
            const float scale = 1.0f / all.part.weight;
            const float *sums = all.sums.values;
            const Words2 words = {pair(sums[0] * scale, sums[1] * scale), pair(sums[2] * scale, sums[3] * scale)};
            *reinterpret_cast<Words2 *>(in.out + offset(query) + 4 * number) = words;
            return;
        }
        const size_t at = part(query, chunk);
        reinterpret_cast<Quad *>(in.sums + at * DIM)[number] = all.sums;
        if (number == 0) reinterpret_cast<Part *>(in.stats)[at] = all.part;
    }
};

} // namespace
