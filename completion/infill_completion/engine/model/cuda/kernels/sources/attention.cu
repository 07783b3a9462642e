// Attention of a few tokens over the KV cache, with the keys split over blocks ("flash decoding").
//
// A block takes a chunk of the cache of one key-value head, and up to 16 queries: those of all rows and of all heads
// that share the keys.  Each of its warps takes 32 keys and works in registers.  The warps' parts are merged in shared
// memory, and the blocks' parts by whichever block ends last.  Chunks lie at fixed places of the cache, parts are merged
// in a fixed order, and a part of which a query sees nothing contributes exactly nothing.  So the bits of a query's
// result depend neither on other queries nor on how many keys the grid covers.
#include "attention_warp.cuh"

namespace {

// Merges the parts of all chunks, once the last of them is there: chunk c is added to part c % PARTS, in order.
template <int DIM> __device__ inline void merge_chunks(const Block<DIM> &block, const Parts<DIM> &parts, int chunks) {
    constexpr int THREADS = DIM / 4; // of a query
    const Part *stats = reinterpret_cast<const Part *>(block.in.stats);
    const int number = threadIdx.x % THREADS;
    for (int item = threadIdx.x / THREADS; item < block.count * PARTS; item += 32 * PARTS / THREADS) {
        const int query = item / PARTS, index = item % PARTS;
        Merged all = {{{0.0f, 0.0f, 0.0f, 0.0f}}, {minus_infinity(), 0.0f}};
#pragma unroll 4
        for (int chunk = index; chunk < chunks; chunk += PARTS) {
            const size_t at = block.part(query, chunk);
            const Part part = stats[at];
            const Quad sums = reinterpret_cast<const Quad *>(block.in.sums + at * DIM)[number];
            const float top = fmaxf(all.part.top, part.top);
            const float old_weight = weight_of(all.part.top, top), weight = weight_of(part.top, top);
            all.part = {top, fmaf(weight, part.weight, all.part.weight * old_weight)};
            for (int d = 0; d < 4; ++d) {
                all.sums.values[d] = fmaf(weight, sums.values[d], all.sums.values[d] * old_weight);
            }
        }
        parts.quad(index, query, number) = all.sums;
        if (number == 0) parts.part(index, query) = all.part;
    }
}

// Returns whether this block is the last of those that work on the same queries.
__device__ inline bool is_last(int *counter, int chunks, int *shared) {
    __syncthreads(); // all threads have written their part
    if (threadIdx.x == 0) {
        __threadfence();
        *shared = atomicAdd(counter, 1) == chunks - 1;
        if (*shared) *counter = 0;
        __threadfence();
    }
    __syncthreads();
    return *shared != 0;
}

template <int DIM, typename Cache> __device__ inline void attend(const Inputs &in, unsigned char *memory) {
    let_next_start();
    const Block<DIM> block(in);
    const Parts<DIM> parts = {memory, block.count};
    wait_for_previous();
    // The first keys are in use almost always, so they are read before it is known how many are.
    int last = in.bucket - 1;
    if (block.chunk * CHUNK >= in.likely) {
        last = block.end() - 1;
        if (block.chunk * CHUNK > last) return;
    }
    Warp<DIM, Cache>(block).work(parts, last);
    __syncthreads();
    const int chunks = (max(block.end(), in.likely) + CHUNK - 1) / CHUNK;
    for (bool is_whole = chunks == 1;; is_whole = true) {
        for (int item = threadIdx.x; item < block.count * (DIM / 4); item += 32 * PARTS) {
            const int query = item / (DIM / 4), number = item % (DIM / 4);
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

extern "C" __global__ void __launch_bounds__(32 * PARTS, BLOCKS) attention_64(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<64, Numbers>(INPUTS, memory);
}

extern "C" __global__ void __launch_bounds__(32 * PARTS, BLOCKS) attention_128(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<128, Numbers>(INPUTS, memory);
}

extern "C" __global__ void __launch_bounds__(32 * PARTS, BLOCKS) attention_128_int8(PARAMETERS) {
    DYNAMIC_SHARED(memory);
    attend<128, Integers>(INPUTS, memory);
}
