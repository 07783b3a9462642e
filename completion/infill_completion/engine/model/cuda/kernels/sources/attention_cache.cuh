// How attention.cu reads a KV cache: what the 16 bytes are that a lane reads of a row at a time.
#pragma once

#include "portable.cuh"

namespace {

__device__ inline unsigned word(const Words4 &words, int index) {
    return index == 0 ? words.x : index == 1 ? words.y : index == 2 ? words.z : words.w;
}

// A cache of numbers.
struct Numbers {
    typedef number Element;
    static constexpr int ELEMENTS = 8; // of a piece of 16 bytes
    static constexpr bool HAS_SCALES = false;

    // Returns two of a piece's elements, from an even one on, as numbers.
    static __device__ unsigned two(const Words4 &piece, int first) { return word(piece, first / 2); }

    // Returns the same element of two pieces, as numbers.
    static __device__ unsigned across(const Words4 &low, const Words4 &high, int element) {
        return __byte_perm(word(low, element / 2), word(high, element / 2), element % 2 == 0 ? 0x5410 : 0x7632);
    }
};

// A cache of 8-bit integers, each row of which has a scale.
struct Integers {
    typedef signed char Element;
    static constexpr int ELEMENTS = 16;
    static constexpr bool HAS_SCALES = true;

    static __device__ unsigned two(const Words4 &piece, int first) {
        return pair(value(piece, first), value(piece, first + 1));
    }

    static __device__ unsigned across(const Words4 &low, const Words4 &high, int element) {
        return pair(value(low, element), value(high, element));
    }

    // Returns an element.  With 128 added, it is the lowest byte of the float 2 ** 23 + element + 128.
    static __device__ float value(const Words4 &piece, int element) {
        const unsigned raised = word(piece, element / 4) ^ 0x80808080;
        return __uint_as_float(__byte_perm(raised, 0x4b000000, 0x7440 + element % 4)) - 8388736.0f;
    }
};

} // namespace
