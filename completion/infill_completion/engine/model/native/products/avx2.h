/* 256-bit products (most x86 processors since 2013). */
#include <immintrin.h>

#define PRODUCTS "avx2"
#define HAS_BYTE_PRODUCTS 0

/* ---- 8 bits ---- */

#define BYTE_ROWS 2
#define BYTE_BLOCK 512 /* that many products of at most 128 * 32767 fit an int32 */
#define BYTE_VECTOR 16
#define ZERO_POINT 0

static inline void write_rounded(const float *restrict x, int n, float scale, int16_t *restrict rounded) {
    for (int i = 0; i < n; i++) rounded[i] = (int16_t)(int32_t)rintf(x[i] * scale);
}

/* Add up the lanes of each of TILE vectors, all at once. */
ALWAYS_INLINE __m128i sum_up_integers(const __m256i *lanes) {
    __m256i ab = _mm256_hadd_epi32(lanes[0], lanes[1]), cd = _mm256_hadd_epi32(lanes[2], lanes[3]);
    __m256i abcd = _mm256_hadd_epi32(ab, cd); /* a, b, c, d, twice */
    return _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));
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

/* Write sums (rows, weights) with `stride` numbers from row to row: exact integers, rounded once. */
ALWAYS_INLINE void dot_bytes(const int8_t *weight, const int32_t *weight_sums, int inputs, int weights,
    const int16_t *x, int rows, float *y, int stride) {
    (void)weight_sums;
    __m256d totals[BYTE_ROWS];
    UNROLLED
    for (int r = 0; r < rows; r++) totals[r] = _mm256_setzero_pd();
    for (int start = 0; start < inputs; start += BYTE_BLOCK) {
        int end = start + BYTE_BLOCK < inputs ? start + BYTE_BLOCK : inputs, i = start;
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
    for (int r = 0; r < rows; r++, y += stride) {
        __m128 four = _mm256_cvtpd_ps(totals[r]);
        if (weights == TILE)
            _mm_storeu_ps(y, four);
        else
            *y = _mm_cvtss_f32(four);
    }
}

/* ---- 4 bits ---- */

#define GROUP_ROWS 1
#define GROUPS_AHEAD 16

ALWAYS_INLINE __m256i broadcast(const int8_t *four) {
    int32_t bits;
    memcpy(&bits, four, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/* Half of the outputs at a time.  A 16-bit lane adds 16 products of at most 15 * 128, which fits. */
ALWAYS_INLINE void dot_groups(const group_t *weight, int groups, const planes_t *x, const int rows, float *y) {
    (void)rows;
    __m256 totals[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    const __m256i mask = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    for (int g = 0; g < groups; g++, weight++) {
        __m256i upper[2], lower[2];
        prefetch(weight + GROUPS_AHEAD, sizeof *weight);
        UNROLLED
        for (int h = 0; h < 2; h++) upper[h] = lower[h] = _mm256_setzero_si256();
        UNROLLED
        for (int q = 0; q < QUADS; q += 2) {
            const int8_t *high = x->upper + g * GROUP_INPUTS + q * 4, *low = x->lower + g * GROUP_INPUTS + q * 4;
            UNROLLED
            for (int h = 0; h < 2; h++) {
                __m256i both = _mm256_loadu_si256((const void *)(weight->numbers[q / 2] + 32 * h));
                __m256i first = _mm256_and_si256(both, mask);
                __m256i second = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
                upper[h] = _mm256_add_epi16(upper[h], _mm256_maddubs_epi16(first, broadcast(high)));
                lower[h] = _mm256_add_epi16(lower[h], _mm256_maddubs_epi16(first, broadcast(low)));
                upper[h] = _mm256_add_epi16(upper[h], _mm256_maddubs_epi16(second, broadcast(high + 4)));
                lower[h] = _mm256_add_epi16(lower[h], _mm256_maddubs_epi16(second, broadcast(low + 4)));
            }
        }
        UNROLLED
        for (int h = 0; h < 2; h++) {
            __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(weight->scale + 8 * h)));
            __m256 minimum = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(weight->minimum + 8 * h)));
            __m256i sums = _mm256_add_epi32(
                _mm256_slli_epi32(_mm256_madd_epi16(upper[h], ones), 8), _mm256_madd_epi16(lower[h], ones));
            totals[h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), scale, totals[h]);
            totals[h] = _mm256_fmadd_ps(_mm256_set1_ps(x->sum[g]), minimum, totals[h]);
        }
    }
    _mm256_storeu_ps(y, totals[0]);
    _mm256_storeu_ps(y + 8, totals[1]);
}
