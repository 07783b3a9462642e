// Attention of a few tokens over the KV cache, with the keys split over blocks ("flash decoding").
//
// A block takes a chunk of the cache of one key-value head, and up to 16 queries: those of all rows and of all heads
// that share the keys.  Each of its warps takes 32 keys at a time and works in registers.  The warps' parts are merged
// in shared memory, and the blocks' parts by whichever block ends last.  Chunks lie at fixed places of the cache, parts
// are merged in a fixed order, and a part of which a query sees nothing contributes exactly nothing.  So the bits of a
// query's result depend neither on other queries nor on how many keys the grid covers.
#include "attention_warp.cuh"

namespace {

constexpr int AHEAD = 4, ITEMS = 4; // see merge_chunks

// Merges the parts of all chunks, once the last of them is there: chunk c is added to part c % PARTS, in order.  There is
// little to compute, so each thread reads AHEAD chunks for each of ITEMS parts at a time.
template <class Plan>
__device__ inline void merge_chunks(const Block<Plan> &block, const Parts<Plan> &parts, int chunks) {
    constexpr int PARTS = Plan::PARTS, GROUP = Plan::DIM / 4, GROUPS = Plan::THREADS / GROUP; // threads of an item
    const Part *const stats = reinterpret_cast<const Part *>(block.in.stats);
    const Quad *const sums = reinterpret_cast<const Quad *>(block.in.sums) + threadIdx.x % GROUP;
    const int items = block.count * PARTS;
    for (int first = threadIdx.x / GROUP; first < items; first += ITEMS * GROUPS) {
        Merged all[ITEMS];
#pragma unroll
        for (int i = 0; i < ITEMS; ++i) all[i] = {{{0.0f, 0.0f, 0.0f, 0.0f}}, {minus_infinity(), 0.0f}};
        for (int start = 0; start < chunks; start += AHEAD * PARTS) {
            Merged read[ITEMS][AHEAD];
#pragma unroll
            for (int k = 0; k < ITEMS * AHEAD; ++k) {
                const int i = k / AHEAD, item = first + i * GROUPS, chunk = start + k % AHEAD * PARTS + item % PARTS;
                Merged &one = read[i][k % AHEAD] = {{{0.0f, 0.0f, 0.0f, 0.0f}}, {minus_infinity(), 0.0f}};
                if (item >= items || chunk >= chunks) continue;
                const size_t at = block.part(item / PARTS, chunk);
                one = {sums[at * GROUP], stats[at]};
            }
#pragma unroll
            for (int k = 0; k < ITEMS * AHEAD; ++k) all[k / AHEAD].add(read[k / AHEAD][k % AHEAD]);
        }
#pragma unroll
        for (int i = 0; i < ITEMS; ++i) {
            const int item = first + i * GROUPS;
            if (item >= items) continue;
            parts.quad(item % PARTS, item / PARTS, threadIdx.x % GROUP) = all[i].sums;
            if (threadIdx.x % GROUP == 0) parts.part(item % PARTS, item / PARTS) = all[i].part;
        }
    }
}

// Returns whether this block is the last of those that work on the same queries.
__device__ inline bool is_last(int *counter, int chunks, int *shared) {
    __syncthreads(); // all threads have written their part
    if (threadIdx.x == 0) {
        *shared = arrived_before(counter) == chunks - 1;
        if (*shared) *counter = 0;
    }
    __syncthreads();
    return *shared != 0;
}

template <class Plan, typename Cache> __device__ inline void attend(const Inputs &in, unsigned char *memory) {
    constexpr int QUADS = Plan::DIM / 4;
    let_next_start();
    const Block<Plan> block(in);
    const Parts<Plan> parts = {memory, block.count};
    // The first keys are in use almost always, so they are read before it is known how many are.
    int last = in.bucket - 1;
    if (block.chunk * Plan::CHUNK >= in.likely) {
        last = block.end() - 1;
        if (block.chunk * Plan::CHUNK > last) return wait_for_previous();
    }
    Warp<Plan, Cache>(block).work(parts, last);
    __syncthreads();
    const int chunks = (max(block.end(), in.likely) + Plan::CHUNK - 1) / Plan::CHUNK;
    for (bool is_whole = chunks == 1;; is_whole = true) {
        for (int item = threadIdx.x; item < block.count * QUADS; item += Plan::THREADS) {
            const int query = item / QUADS, number = item % QUADS;
            block.write(query, number, parts.merged(query, number), is_whole);
        }
        if (is_whole || !is_last(in.counters + block.head * gridDim.z + blockIdx.z, chunks, parts.flag())) return;
        merge_chunks(block, parts, chunks);
        __syncthreads();
    }
}

} // namespace

#define PARAMETERS                                                                                                     \
    const number *q, const void *keys, const void *values, const float *key_scales, const float *value_scales,         \
        const long long *at, const long long *shared, const long long *ways, float *sums, float *stats, int *counters, \
        number *out, int rows, int group, int reciprocal, int capacity, int bucket, int likely, float scale
#define INPUTS                                                                                                         \
    {q, keys, values, key_scales, value_scales, at, shared, ways, sums, stats, counters, out, rows, group, reciprocal, \
        capacity, bucket, likely, scale}

// Their blocks of a multiprocessor leave enough registers to have all keys and values of a step under way.

extern "C" __global__ void __launch_bounds__(128, 3) attention_64_4x1(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<Plan<64, 4, 1>, Numbers>(INPUTS, memory);
}

extern "C" __global__ void __launch_bounds__(128, 3) attention_128_4x1(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<Plan<128, 4, 1>, Numbers>(INPUTS, memory);
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_128_4x2(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<Plan<128, 4, 2>, Numbers>(INPUTS, memory);
}

extern "C" __global__ void __launch_bounds__(256, 1) attention_128_8x1(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<Plan<128, 8, 1>, Numbers>(INPUTS, memory);
}

extern "C" __global__ void __launch_bounds__(256, 1) attention_128_8x2(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<Plan<128, 8, 2>, Numbers>(INPUTS, memory);
}

extern "C" __global__ void __launch_bounds__(128, 3) attention_128_int8_4x1(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<Plan<128, 4, 1>, Integers>(INPUTS, memory);
}
