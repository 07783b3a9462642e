/* What the files of this folder do with vectors of 16 lanes. */
#pragma once
#include "../tile.h"
#include <immintrin.h>

#define UNROLLED_16 _Pragma("GCC unroll 16")

/* Transpose 16 vectors of 16 numbers. */
ALWAYS_INLINE void transpose(__m512i *r) {
    __m512i t[16];
    UNROLLED_16
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    UNROLLED_16
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    UNROLLED_16
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    UNROLLED_16
    for (int i = 0; i < 8; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    }
}

/* Keeps the compiler from fusing what makes this number with what uses it. */
ALWAYS_INLINE __m512 apart(__m512 x) {
    __asm__("" : "+v"(x));
    return x;
}

/* Pack the weights of a step of tokens, (count, TILE_TOKENS), of which only the first ones may exist. */
void infill_pack_weights(const float *weights, int count, __m512 scale, uint8_t *bytes);
