/* 256-bit products with VNNI (Intel's laptops since Alder Lake, AMD since Zen 5).
 *
 * As with 512 bits, a row of 16-bit integers is stored as the upper and the lower bytes of x + 32768.
 */
#define PRODUCTS "avxvnni"
#define HAS_BYTE_PRODUCTS 1
#include "shared256.h"

/* ---- 8 bits ---- */

#define BYTE_ROWS 1 /* with more rows the sums do not fit the registers */
#define BYTE_VECTOR 32
#define ZERO_POINT 0 /* dot_bytes has subtracted it */
#define OFFSET 32768

static inline void write_rounded(const float *restrict x, int n, float scale, void *restrict rounded) {
    uint8_t *restrict upper = rounded, *restrict lower = upper + n;
    for (int i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)((int32_t)rintf(x[i] * scale) + OFFSET);
        upper[i] = (uint8_t)(bits >> 8);
        lower[i] = (uint8_t)bits;
    }
}

typedef struct {
    __m256i upper[TILE], lower[TILE];
} tile_t;

ALWAYS_INLINE void add_products(
    tile_t *sums, const int8_t *weight, int stride, int weights, const uint8_t *upper, const uint8_t *lower) {
    __m256i high = _mm256_loadu_si256((const void *)upper), low = _mm256_loadu_si256((const void *)lower);
    UNROLLED
    for (int w = 0; w < weights; w++) {
        __m256i bytes = _mm256_loadu_si256((const void *)(weight + (ptrdiff_t)w * stride));
        sums->upper[w] = _mm256_dpbusd_avx_epi32(sums->upper[w], high, bytes);
        sums->lower[w] = _mm256_dpbusd_avx_epi32(sums->lower[w], low, bytes);
    }
}

/* Add the products of the last inputs of a row, less than a vector. */
ALWAYS_INLINE void add_rest(tile_t *sums, const int8_t *weight, int inputs, int weights, const uint8_t *upper,
    const uint8_t *lower, int count) {
    int8_t bytes[TILE * BYTE_VECTOR] = {0};
    uint8_t planes[2 * BYTE_VECTOR] = {0};
    for (int w = 0; w < weights; w++) memcpy(bytes + w * BYTE_VECTOR, weight + (ptrdiff_t)w * inputs, count);
    memcpy(planes, upper, count);
    memcpy(planes + BYTE_VECTOR, lower, count);
    add_products(sums, bytes, BYTE_VECTOR, weights, planes, planes + BYTE_VECTOR);
}

/* Write the sums of a row; `rows` is 1.  A sum of bytes is at most 128 * 255 for each input, which fits an int32 for
 * 65,793 inputs. */
ALWAYS_INLINE void dot_bytes(const int8_t *weight, const int32_t *weight_sums, int inputs, int weights,
    const int16_t *x, int rows, float *y, int stride) {
    const uint8_t *upper = (const uint8_t *)x, *lower = upper + inputs;
    tile_t sums;
    int i = 0, offsets[TILE] = {0};
    (void)rows, (void)stride;
    UNROLLED
    for (int w = 0; w < TILE; w++) sums.upper[w] = sums.lower[w] = _mm256_setzero_si256();
    for (; i + BYTE_VECTOR <= inputs; i += BYTE_VECTOR) {
        prefetch(weight + (ptrdiff_t)weights * i + WEIGHTS_AHEAD, weights * BYTE_VECTOR);
        add_products(&sums, weight + i, inputs, weights, upper + i, lower + i);
    }
    if (i < inputs) add_rest(&sums, weight + i, inputs, weights, upper + i, lower + i, inputs - i);
    for (int w = 0; w < weights; w++) offsets[w] = weight_sums[w] * (OFFSET / 256);
    __m128i high = _mm_sub_epi32(sum_up_integers(sums.upper), _mm_loadu_si128((const void *)offsets));
    __m128i low = sum_up_integers(sums.lower);
    write_sums(_mm256_fmadd_pd(_mm256_cvtepi32_pd(high), _mm256_set1_pd(256), _mm256_cvtepi32_pd(low)), weights, y);
}

/* ---- 4 bits ---- */

ALWAYS_INLINE __m256i add_quads(__m256i sums, __m256i numbers, __m256i inputs) {
    return _mm256_dpbusd_avx_epi32(sums, numbers, inputs);
}

ALWAYS_INLINE __m256i in_32_bits(__m256i sums) { return sums; }
