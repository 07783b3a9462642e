// A radix descent over the whole block, of 1,024 threads: finds the key at which masses, added up in the order of their
// keys, exceed a limit.  Masses are integers, so that their sums do not depend on the order of the additions.
#pragma once

typedef unsigned long long Mass;

constexpr int WARPS = 32, BINS = 1024, BIN_BITS = 10;
constexpr unsigned ALL = 0xffffffff; // lanes of a warp

// Shared memory.
struct Bins {
    Mass parts[WARPS];
    unsigned low[BINS], high[BINS]; // a histogram of masses: their lower and upper 32 bits
    unsigned bin;
    Mass above, within; // masses above and in the bin
};

// Combines one value of each thread, in an order that is always the same; every thread gets the result.
template <class T, class Combine> __device__ inline T over_block(T value, T *parts, Combine combine) {
    for (int apart = 16; apart > 0; apart /= 2) value = combine(value, __shfl_xor_sync(ALL, value, apart));
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    value = parts[threadIdx.x % 32];
    for (int apart = 16; apart > 0; apart /= 2) value = combine(value, __shfl_xor_sync(ALL, value, apart));
    __syncthreads();
    return value;
}

// Adds to a 64-bit sum in two halves, each with an atomic addition of its own, which the hardware has for 32 bits.
__device__ inline void add_mass(Bins &bins, unsigned bin, Mass mass) {
    const unsigned low = static_cast<unsigned>(mass), before = atomicAdd(&bins.low[bin], low);
    const unsigned high = static_cast<unsigned>(mass >> 32) + (before + low < low);
    if (high != 0) atomicAdd(&bins.high[bin], high);
}

// Finds the bin in which the masses, added up from the last bin down, exceed the limit; all of them together must.
__device__ inline void find_bin(Bins &bins, Mass limit) {
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, bin = BINS - 1 - threadIdx.x;
    const Mass own = static_cast<Mass>(bins.high[bin]) << 32 | bins.low[bin];
    Mass until = own;
    for (unsigned apart = 1; apart < 32; apart *= 2) {
        const Mass other = __shfl_up_sync(ALL, until, apart);
        if (lane >= apart) until += other;
    }
    if (lane == 31) bins.parts[warp] = until;
    __syncthreads();
    Mass earlier = lane < warp ? bins.parts[lane] : 0;
    for (int apart = 16; apart > 0; apart /= 2) earlier += __shfl_xor_sync(ALL, earlier, apart);
    until += earlier;
    if (until - own <= limit && limit < until) bins.bin = bin, bins.above = until - own, bins.within = own;
    __syncthreads();
}

struct Border {
    unsigned key;
    Mass left, mass; // the limit less the mass above the key, and the mass of the key
};

// Returns the key at which the masses, added up from the largest key down, exceed the limit.
//
// `border` has the bits of the key from `shift` + BIN_BITS on, where it begins: 0 at first.  The bits below follow ten at
// a time, down to `last_shift`.  key_of returns whether a token counts, and its key.
template <class Tokens, class KeyOf, class MassOf>
__device__ inline Border descend(
    const Tokens &tokens, Bins &bins, Border border, int shift, int last_shift, KeyOf key_of, MassOf mass) {
    for (; shift >= last_shift; shift -= BIN_BITS) {
        bins.low[threadIdx.x] = bins.high[threadIdx.x] = 0;
        __syncthreads();
        tokens.each([&](unsigned id, float e) {
            unsigned key;
            if (key_of(id, e, key) && key >> shift >> BIN_BITS == border.key)
                add_mass(bins, key >> shift & (BINS - 1), mass(e));
        });
        __syncthreads();
        find_bin(bins, border.left);
        border = {border.key << BIN_BITS | bins.bin, border.left - bins.above, bins.within};
        __syncthreads();
    }
    return border;
}
