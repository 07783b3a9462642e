/* Sums of products of small integers, where most of the time goes: the only part that is written for each type of processor.
 * Which one is chosen here.
 */
#pragma once
#include "attention.h"
#include "groups.h"
#include "tile.h"

#define WEIGHTS_AHEAD 5120 /* bytes */
#define GROUPS_AHEAD 10240 /* bytes */
#define QUADS (GROUP_INPUTS / 4)
#define KV_AHEAD 4096 /* bytes */

typedef struct { /* a row of inputs */
    const int8_t *upper, *lower; /* (groups * GROUP_INPUTS) */
    const float *sum; /* (groups) */
} planes_t;

/* Tokens are read TILE at a time; the padding gets no weight. */
ALWAYS_INLINE int padded(int tokens) { return (tokens + TILE - 1) & -TILE; }

ALWAYS_INLINE ptrdiff_t index_of(const visible_t *visible, int t) {
    return t < visible->shared ? t : visible->first + (ptrdiff_t)(t - visible->shared) * visible->stride;
}

/* The row of the t-th visible token; past the end, that of the last one. */
ALWAYS_INLINE const int8_t *row_of(kv_rows_t rows, const visible_t *visible, int t, int head_dim) {
    return rows.numbers + index_of(visible, t < visible->count ? t : visible->count - 1) * head_dim;
}

static inline void multiply_by_scales(
    float *restrict x, const float *restrict scale, float factor, const visible_t *visible) {
    if (visible->stride == 1)
        for (int t = 0; t < visible->count; t++) x[t] *= factor * scale[t];
    else
        for (int t = 0; t < visible->count; t++) x[t] *= factor * scale[index_of(visible, t)];
}

/* Rounded queries and weights of attention fit two planes of signed bytes, and products with bytes fit 32 bits for
 * EXACT_PRODUCTS of them.  All sums are exact integers on every processor and are rounded to float32 once. */
#define LARGEST_ROUNDED (127 * 256)
#define EXACT_PRODUCTS 512

/* Round a row to 16 bits and return how many integers make 1. */
static inline float round_to_16_bits(const float *restrict x, int n, int16_t *restrict rounded) {
    float scale = (float)LARGEST_ROUNDED / largest_size(x, n);
    for (int i = 0; i < n; i++) rounded[i] = (int16_t)(int32_t)rintf(x[i] * scale);
    return scale;
}

/* PRODUCTS_PLAIN is for comparisons. */
#if defined(PRODUCTS_PLAIN)
#include "products/plain.h"
#elif defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
#include "products/avx512.h"
#elif defined(__AVXVNNI__) && defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include "products/avxvnni.h"
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include "products/avx2.h"
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_FEATURE_MATMUL_INT8)
#include "products/i8mm.h"
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#include "products/neon.h"
#else
#include "products/plain.h"
#endif
