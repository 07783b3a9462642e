// Groups of eight numbers, which are read and written 16 bytes at a time, as floats.
#pragma once

constexpr int GROUP = 8;

__device__ inline void widen(const Words4 &words, float (&x)[GROUP]) {
    x[0] = low_of(words.x), x[1] = high_of(words.x), x[2] = low_of(words.y), x[3] = high_of(words.y);
    x[4] = low_of(words.z), x[5] = high_of(words.z), x[6] = low_of(words.w), x[7] = high_of(words.w);
}
__device__ inline Words4 narrowed(const float (&x)[GROUP]) {
    return {pair(x[0], x[1]), pair(x[2], x[3]), pair(x[4], x[5]), pair(x[6], x[7])};
}

// A group as it is in memory.
template <class T> struct Packed;
template <> struct Packed<number> {
    Words4 words;
};
template <> struct Packed<float> {
    Words4 words[2];
};
__device__ inline void widen(const Packed<number> &packed, float (&x)[GROUP]) { widen(packed.words, x); }
__device__ inline void widen(const Packed<float> &packed, float (&x)[GROUP]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const Words4 &words = packed.words[half];
        x[4 * half] = __uint_as_float(words.x), x[4 * half + 1] = __uint_as_float(words.y);
        x[4 * half + 2] = __uint_as_float(words.z), x[4 * half + 3] = __uint_as_float(words.w);
    }
}

__device__ inline void read_group(const number *from, float (&x)[GROUP]) {
    widen(*reinterpret_cast<const Words4 *>(from), x);
}
__device__ inline void read_group(const float *from, float (&x)[GROUP]) {
    widen(*reinterpret_cast<const Packed<float> *>(from), x);
}
__device__ inline void write_group(number *to, const float (&x)[GROUP]) {
    *reinterpret_cast<Words4 *>(to) = narrowed(x);
}
__device__ inline void write_group(float *to, const float (&x)[GROUP]) {
#pragma unroll
    for (int half = 0; half < 2; ++half)
        reinterpret_cast<Words4 *>(to)[half] = {__float_as_uint(x[4 * half]), __float_as_uint(x[4 * half + 1]),
            __float_as_uint(x[4 * half + 2]), __float_as_uint(x[4 * half + 3])};
}

// Adds up one value of each lane of a warp.
__device__ inline float over_warp(float sum) {
    for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffff, sum, apart);
    return sum;
}
