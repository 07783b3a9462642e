/* 256-bit products (x86 processors since 2013).
 *
 * vpmaddubsw would take bytes as they are, but its sums of two products overflow 16 bits: weights are widened instead.
 */
#define PRODUCTS "avx2"
#define HAS_BYTE_PRODUCTS 1
#include "shared256.h"

/* ---- 8 bits ---- */

#define BYTE_ROWS 2
#define BYTE_VECTOR 16
#define ZERO_POINT 0

static inline void write_rounded(const float *restrict x, int n, float scale, int16_t *restrict rounded) {
    for (int i = 0; i < n; i++) rounded[i] = (int16_t)(int32_t)rintf(x[i] * scale);
}

typedef struct {
    __m256i lanes[BYTE_ROWS][TILE];
} tile_t;

ALWAYS_INLINE void add_products(
    tile_t *sums, const int8_t *weight, int weight_stride, int weights, const int16_t *x, int x_stride, int rows) {
    __m256i inputs[BYTE_ROWS];
    UNROLLED
    for (int r = 0; r < rows; r++) inputs[r] = _mm256_loadu_si256((const void *)(x + r * x_stride));
    UNROLLED
    for (int w = 0; w < weights; w++) {
        __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(weight + (ptrdiff_t)w * weight_stride)));
        UNROLLED
        for (int r = 0; r < rows; r++)
            sums->lanes[r][w] = _mm256_add_epi32(sums->lanes[r][w], _mm256_madd_epi16(wide, inputs[r]));
    }
}

/* Add the products of the last inputs of a row, less than a vector. */
ALWAYS_INLINE void add_rest(
    tile_t *sums, const int8_t *weight, int inputs, int weights, const int16_t *x, int rows, int count) {
    int8_t bytes[TILE * BYTE_VECTOR] = {0};
    int16_t rounded[BYTE_ROWS * BYTE_VECTOR] = {0};
    for (int w = 0; w < weights; w++) memcpy(bytes + w * BYTE_VECTOR, weight + (ptrdiff_t)w * inputs, count);
    for (int r = 0; r < rows; r++) memcpy(rounded + r * BYTE_VECTOR, x + r * inputs, count * sizeof *x);
    add_products(sums, bytes, BYTE_VECTOR, weights, rounded, BYTE_VECTOR, rows);
}

/* Write sums (rows, weights) with `stride` numbers from row to row. */
ALWAYS_INLINE void dot_bytes(const int8_t *weight, const int32_t *weight_sums, int inputs, int weights,
    const int16_t *x, int rows, float *y, int stride) {
    (void)weight_sums;
    __m256d totals[BYTE_ROWS];
    UNROLLED
    for (int r = 0; r < rows; r++) totals[r] = _mm256_setzero_pd();
    for (int start = 0; start < inputs; start += EXACT_PRODUCTS) {
        int end = start + EXACT_PRODUCTS < inputs ? start + EXACT_PRODUCTS : inputs, i = start;
        tile_t sums;
        UNROLLED
        for (int r = 0; r < rows; r++) {
            UNROLLED
            for (int w = 0; w < TILE; w++) sums.lanes[r][w] = _mm256_setzero_si256();
        }
        for (; i + BYTE_VECTOR <= end; i += BYTE_VECTOR) {
            prefetch(weight + (ptrdiff_t)weights * i + WEIGHTS_AHEAD, weights * BYTE_VECTOR);
            add_products(&sums, weight + i, inputs, weights, x + i, inputs, rows);
        }
        if (i < end) add_rest(&sums, weight + i, inputs, weights, x + i, rows, end - i);
        UNROLLED
        for (int r = 0; r < rows; r++)
            totals[r] = _mm256_add_pd(totals[r], _mm256_cvtepi32_pd(sum_up_integers(sums.lanes[r])));
    }
    UNROLLED
    for (int r = 0; r < rows; r++) write_sums(totals[r], weights, y + (ptrdiff_t)r * stride);
}

/* ---- 4 bits ---- */

/* A 16-bit lane adds 16 products of at most 15 * 128, which fits. */
ALWAYS_INLINE __m256i add_quads(__m256i sums, __m256i numbers, __m256i inputs) {
    sums = _mm256_add_epi16(sums, _mm256_maddubs_epi16(numbers, inputs));
    __asm__("" : "+x"(sums)); /* in this order: gcc would add up products in trees, for which there are no registers */
    return sums;
}

ALWAYS_INLINE __m256i in_32_bits(__m256i sums) { return _mm256_madd_epi16(sums, _mm256_set1_epi16(1)); }
