// The tokens of a row among which choose.cu chooses: all of them, computed from the logits, or those listed before.
#pragma once

#include "portable.cuh"

#include "descent.cuh"
#include "groups.cuh"

constexpr int THREADS = 1024, FOUR = 4;
constexpr int LISTED = 4096; // candidates that fit shared memory
constexpr int UNIT_BITS = 40; // the unit of a mass is 2^-40
constexpr unsigned LEAST = (127 - UNIT_BITS) << 23; // the bits of 2^-40 as float32
constexpr unsigned LAST_ID = (1 << 18) - 1;
constexpr float MIN_TEMPERATURE = 1e-4f; // as in sampling.py
constexpr float LEAST_POWER = -28.0f; // a bit less than the logarithm of 2^-40

__device__ inline float minus_infinity() { return __uint_as_float(0xff800000); }

struct Room {
    Bins bins;
    float sums[WARPS];
    unsigned count; // of candidates
    unsigned ids[LISTED];
    float weights[LISTED];

    // Lists a candidate, unless there are already too many.
    __device__ void add(unsigned id, float e) {
        if (*static_cast<volatile unsigned *>(&count) > LISTED) return;
        const unsigned at = atomicAdd(&count, 1u);
        if (at < LISTED) ids[at] = id, weights[at] = e;
    }
};

// Whether 16 bytes may be read or written there at once.
__device__ inline bool is_aligned(const void *address) { return reinterpret_cast<Mass>(address) % 16 == 0; }

__device__ inline float read(const number *from) { return widened(*from); }
__device__ inline float read(const float *from) { return *from; }
__device__ inline void read_four(const number *from, float (&x)[FOUR]) {
    const Words2 words = *reinterpret_cast<const Words2 *>(from);
    x[0] = low_of(words.x), x[1] = high_of(words.x), x[2] = low_of(words.y), x[3] = high_of(words.y);
}
__device__ inline void read_four(const float *from, float (&x)[FOUR]) {
    const Words4 words = *reinterpret_cast<const Words4 *>(from);
    x[0] = __uint_as_float(words.x), x[1] = __uint_as_float(words.y);
    x[2] = __uint_as_float(words.z), x[3] = __uint_as_float(words.w);
}

// The logits of a row.
template <class T> struct Row {
    const T *logits;
    int vocabulary;

    // Calls act(first id, logits) for the groups of this thread; logits past the vocabulary's end are NaN.  Several groups
    // are read at once, because each read takes long.
    template <class Act> __device__ void each_group(Act act) const {
        constexpr int AHEAD = 64 / sizeof(Packed<T>), STRIDE = GROUP * THREADS;
        const int whole = is_aligned(logits) ? vocabulary / GROUP * GROUP : 0;
#pragma unroll 1
        for (int start = GROUP * threadIdx.x; start < vocabulary; start += AHEAD * STRIDE) {
            Packed<T> packed[AHEAD];
#pragma unroll
            for (int k = 0; k < AHEAD; ++k) {
                const int first = start + k * STRIDE;
                if (first < whole) packed[k] = *reinterpret_cast<const Packed<T> *>(logits + first);
            }
#pragma unroll
            for (int k = 0; k < AHEAD; ++k) {
                const int first = start + k * STRIDE;
                if (first >= vocabulary) break;
                float x[GROUP];
                if (first < whole) {
                    widen(packed[k], x);
                } else {
#pragma unroll
                    for (int i = 0; i < GROUP; ++i) x[i] = at(first + i);
                }
                act(first, x);
            }
        }
    }

    // Calls act(first id, logits) for the fours of this thread.
    template <class Act> __device__ void each_four(Act act) const {
        const bool is_whole = is_aligned(logits);
#pragma unroll 1
        for (int first = FOUR * threadIdx.x; first < vocabulary; first += FOUR * THREADS) {
            float x[FOUR];
            if (is_whole && first + FOUR <= vocabulary) {
                read_four(logits + first, x);
            } else {
#pragma unroll
                for (int i = 0; i < FOUR; ++i) x[i] = at(first + i);
            }
            act(first, x);
        }
    }

    __device__ float at(int id) const { return id < vocabulary ? read(logits + id) : __uint_as_float(0x7fffffff); }
};

// Returns (x - largest) * times: 0 for the largest logit, also if it is infinite.
__device__ inline float power_of(float x, float largest, float times) {
    return x == largest ? 0.0f : (x - largest) * times;
}
// Returns e^power, and 0 for NaN.
__device__ inline float weight(float power) {
    return fminf(expf(fmaxf(power, -200.0f)), 1.0f); // fmaxf(NaN, y) is y
}

// The mass of a weight, which is at least one unit.
__device__ inline Mass mass_of(float e) {
    const unsigned bits = __float_as_uint(e) - LEAST;
    return static_cast<Mass>((bits & 0x7fffff) | 0x800000) << (bits >> 23) >> 23;
}
__device__ inline bool has_mass(float e) { return __float_as_uint(e) >= LEAST; }

// Packs a number and an id, so that the largest pack has the largest number and, among equals, the lowest id.
__device__ inline Mass packed(unsigned ordered, unsigned id) { return static_cast<Mass>(ordered) << 32 | ~id; }
__device__ inline unsigned ordered_bits(float x) {
    const unsigned bits = __float_as_uint(x + 0.0f); // -0 becomes 0
    return bits ^ (bits >> 31 ? 0xffffffff : 0x80000000);
}
__device__ inline float from_ordered(unsigned bits) {
    return __uint_as_float(bits ^ (bits >> 31 ? 0x80000000 : 0xffffffff));
}

// The tokens of a row that may have a mass, with their weights, computed from the logits.
template <class T> struct AllTokens {
    Row<T> row;
    float largest, times;

    // Calls act(id, weight) for the tokens of this thread: fours, which share random numbers.
    template <class Act> __device__ void each(Act act) const {
        row.each_four([&](int first, const float (&x)[FOUR]) {
#pragma unroll
            for (int i = 0; i < FOUR; ++i) {
                const float power = power_of(x[i], largest, times);
                if (power >= LEAST_POWER) act(first + i, weight(power)); // not NaN
            }
        });
    }
};

// Those that were listed in shared memory.
struct ListedTokens {
    const Room *room;
    template <class Act> __device__ void each(Act act) const {
        for (unsigned i = threadIdx.x; i < room->count; i += THREADS) act(room->ids[i], room->weights[i]);
    }
};
