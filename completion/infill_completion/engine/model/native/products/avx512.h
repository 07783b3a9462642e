/* 512-bit products with VNNI (Intel since Ice Lake, AMD since Zen 4). */
#include <immintrin.h>

#define PRODUCTS "avx512"
#define HAS_BYTE_PRODUCTS 1
#define FAST_HEAD_DIM 64 /* attention is fast for multiples of it */

/* Add up the lanes of each of TILE vectors, all at once; the sums come four times. */
ALWAYS_INLINE __m128i sum_up_integers(__m512i a, __m512i b, __m512i c, __m512i d) {
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti32x8_epi32(abcd, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/* ---- 8 bits ---- */

/* A row of 16-bit integers x is stored as two planes of bytes, the upper and the lower bytes of x + 32768: vpdpbusd takes
 * 64 weights as they are, vpdpwssd only 32 that must be widened first.  The sum of w x is 256 times the sum of w upper,
 * plus the sum of w lower, minus 32768 times the sum of w.  Measured: 40 % less time where the weights are in the core's
 * own cache. */
#define BYTE_BLOCK 64
#define BYTE_ROWS 2 /* with more rows the sums leave no registers for the weights */
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
    __m512i upper[TILE][BYTE_ROWS], lower[TILE][BYTE_ROWS];
} tile_t;

/* Load a block, or the last bytes of a row and zeros. */
ALWAYS_INLINE __m512i load_bytes(const void *from, int count) {
    return count == BYTE_BLOCK ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(((__mmask64)1 << count) - 1, from);
}

ALWAYS_INLINE void add_products(
    tile_t *sums, const int8_t *weight, int inputs, int weights, const uint8_t *x, int rows, int count) {
    __m512i upper[BYTE_ROWS], lower[BYTE_ROWS];
    UNROLLED
    for (int r = 0; r < rows; r++) {
        upper[r] = load_bytes(x + 2 * r * inputs, count);
        lower[r] = load_bytes(x + (2 * r + 1) * inputs, count);
    }
    UNROLLED
    for (int w = 0; w < weights; w++) {
        __m512i bytes = load_bytes(weight + (ptrdiff_t)w * inputs, count);
        __asm__("" : "+v"(bytes)); /* loads once into a register instead of from memory for each use */
        UNROLLED
        for (int r = 0; r < rows; r++) {
            sums->upper[w][r] = _mm512_dpbusd_epi32(sums->upper[w][r], upper[r], bytes);
            sums->lower[w][r] = _mm512_dpbusd_epi32(sums->lower[w][r], lower[r], bytes);
        }
    }
}

/* 256 upper + lower of exact integers, rounded in the same way wherever they were added up. */
ALWAYS_INLINE __m128 joined(__m128i upper, __m128i lower) {
    return _mm_fmadd_ps(_mm_cvtepi32_ps(upper), _mm_set1_ps(256), _mm_cvtepi32_ps(lower));
}

/* Write sums (rows, weights) with `stride` numbers from row to row.  A sum adds at most 127 * 255 for each input, which
 * fits an int32 for 66,310 inputs. */
ALWAYS_INLINE void dot_bytes(const int8_t *weight, const int32_t *weight_sums, int inputs, int weights,
    const int16_t *rounded, int rows, float *y, int stride) {
    const uint8_t *x = (const uint8_t *)rounded;
    tile_t sums;
    int i = 0;
    UNROLLED
    for (int w = 0; w < weights; w++) {
        UNROLLED
        for (int r = 0; r < rows; r++) sums.upper[w][r] = sums.lower[w][r] = _mm512_setzero_si512();
    }
    for (; i + BYTE_BLOCK <= inputs; i += BYTE_BLOCK) {
        prefetch(weight + (ptrdiff_t)weights * i + WEIGHTS_AHEAD, weights * BYTE_BLOCK);
        add_products(&sums, weight + i, inputs, weights, x + i, rows, BYTE_BLOCK);
    }
    if (i < inputs) add_products(&sums, weight + i, inputs, weights, x + i, rows, inputs - i);
    UNROLLED
    for (int r = 0; r < rows; r++, y += stride) {
        if (weights == TILE && inputs <= EXACT_PRODUCTS) { /* the sum of both fits, so it is added up once */
            __m512i both[TILE];
            UNROLLED
            for (int w = 0; w < weights; w++)
                both[w] = _mm512_add_epi32(_mm512_slli_epi32(sums.upper[w][r], 8), sums.lower[w][r]);
            __m128i offset = _mm_slli_epi32(_mm_loadu_si128((const void *)weight_sums), 15); /* OFFSET */
            __m128i sum = sum_up_integers(both[0], both[1], both[2], both[3]);
            _mm_storeu_ps(y, _mm_cvtepi32_ps(_mm_sub_epi32(sum, offset)));
        } else if (weights == TILE) {
            __m128i upper = sum_up_integers(sums.upper[0][r], sums.upper[1][r], sums.upper[2][r], sums.upper[3][r]);
            __m128i lower = sum_up_integers(sums.lower[0][r], sums.lower[1][r], sums.lower[2][r], sums.lower[3][r]);
            __m128i offset = _mm_slli_epi32(_mm_loadu_si128((const void *)weight_sums), 7); /* OFFSET / 256 */
            _mm_storeu_ps(y, joined(_mm_sub_epi32(upper, offset), lower));
        } else {
            for (int w = 0; w < weights; w++) {
                int upper = _mm512_reduce_add_epi32(sums.upper[w][r]) - weight_sums[w] * (OFFSET / 256);
                int lower = _mm512_reduce_add_epi32(sums.lower[w][r]);
                _mm_store_ss(y + w, joined(_mm_set1_epi32(upper), _mm_set1_epi32(lower)));
            }
        }
    }
}

/* ---- 4 bits ---- */

#define GROUP_ROWS 4

ALWAYS_INLINE __m512i broadcast(const int8_t *four) {
    int32_t bits;
    memcpy(&bits, four, sizeof bits);
    return _mm512_set1_epi32(bits);
}

/* The upper four bits of each byte. */
ALWAYS_INLINE __m512i upper_bits(__m512i bytes) {
#ifdef __GFNI__
    return _mm512_gf2p8affine_epi64_epi8(bytes, _mm512_set1_epi64(0x1020408000000000), 0); /* one instruction */
#else
    return _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(15));
#endif
}

ALWAYS_INLINE void dot_groups(const group_t *weight, int groups, const planes_t *x, const int rows, float *y) {
    __m512 totals[GROUP_ROWS];
    const __m512i mask = _mm512_set1_epi8(15);
    UNROLLED
    for (int r = 0; r < rows; r++) totals[r] = _mm512_setzero_ps();
    for (int g = 0; g < groups; g++, weight++) {
        __m512i upper[GROUP_ROWS], lower[GROUP_ROWS];
        prefetch_weights(weight, sizeof *weight, GROUPS_AHEAD);
        UNROLLED
        for (int r = 0; r < rows; r++) upper[r] = lower[r] = _mm512_setzero_si512();
        UNROLLED
        for (int q = 0; q < QUADS; q += 2) {
            __m512i both = _mm512_loadu_si512(weight->numbers[q / 2]);
            __m512i numbers[2] = {_mm512_and_si512(both, mask), upper_bits(both)};
            UNROLLED
            for (int r = 0; r < rows; r++) {
                UNROLLED
                for (int i = 0; i < 2; i++) {
                    int at = g * GROUP_INPUTS + (q + i) * 4;
                    upper[r] = _mm512_dpbusd_epi32(upper[r], numbers[i], broadcast(x[r].upper + at));
                    lower[r] = _mm512_dpbusd_epi32(lower[r], numbers[i], broadcast(x[r].lower + at));
                }
            }
        }
        __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)weight->scale));
        __m512 minimum = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)weight->minimum));
        UNROLLED
        for (int r = 0; r < rows; r++) {
            __m512i sums = _mm512_add_epi32(_mm512_slli_epi32(upper[r], 8), lower[r]);
            totals[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scale, totals[r]);
            totals[r] = _mm512_fmadd_ps(_mm512_set1_ps(x[r].sum[g]), minimum, totals[r]);
        }
    }
    UNROLLED
    for (int r = 0; r < rows; r++) _mm512_storeu_ps(y + r * GROUP_OUTPUTS, totals[r]);
}

/* ---- attention ---- */

/* Heads that share keys and values are computed together, so that these are read and unpacked once. */
#define HEADS_AT_ONCE 3

/* The addresses of the rows of TILE visible tokens from t on. */
ALWAYS_INLINE void find_rows(
    kv_rows_t rows, const visible_t *visible, int t, const int head_dim, const int8_t **found) {
    const int8_t *first = rows.numbers + (ptrdiff_t)t * head_dim;
    int is_plain = visible->stride == 1 && visible->first == visible->shared && t + TILE <= visible->count;
    UNROLLED
    for (int k = 0; k < TILE; k++) found[k] = is_plain ? first + k * head_dim : row_of(rows, visible, t + k, head_dim);
}

/* scores: (heads, padded(count)) */
ALWAYS_INLINE void score(const float *queries, const int heads, kv_rows_t keys, const visible_t *visible,
    const int head_dim, float *scores) {
    int16_t rounded[HEADS_AT_ONCE][MAX_HEAD_DIM];
    float scale[HEADS_AT_ONCE];
    int all = padded(visible->count);
    for (int h = 0; h < heads; h++) scale[h] = round_to_16_bits(queries + h * head_dim, head_dim, rounded[h]);
    for (int t = 0; t < visible->count; t += TILE) {
        __m512i sums[HEADS_AT_ONCE][TILE];
        const int8_t *row[TILE];
        find_rows(keys, visible, t, head_dim, row);
        UNROLLED
        for (int k = 0; k < TILE; k++) {
            prefetch(row[k] + KV_AHEAD, head_dim);
            UNROLLED
            for (int h = 0; h < heads; h++) sums[h][k] = _mm512_setzero_si512();
            for (int i = 0; i < head_dim / 32; i++) {
                __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)(row[k] + 32 * i)));
                UNROLLED
                for (int h = 0; h < heads; h++)
                    sums[h][k] = _mm512_dpwssd_epi32(sums[h][k], wide, _mm512_loadu_si512(rounded[h] + 32 * i));
            }
        }
        UNROLLED
        for (int h = 0; h < heads; h++)
            _mm_storeu_ps(
                scores + h * all + t, _mm_cvtepi32_ps(sum_up_integers(sums[h][0], sums[h][1], sums[h][2], sums[h][3])));
    }
    for (int h = 0; h < heads; h++)
        multiply_by_scales(scores + h * all, keys.scale, 1.0f / (scale[h] * sqrtf((float)head_dim)), visible);
}

ALWAYS_INLINE __m256 half_joined(__m256i upper, __m256i lower) {
    return _mm512_cvtpd_ps(_mm512_fmadd_pd(_mm512_cvtepi32_pd(upper), _mm512_set1_pd(256), _mm512_cvtepi32_pd(lower)));
}

/* 256 upper + lower, rounded once. */
ALWAYS_INLINE __m512 joined_exactly(__m512i upper, __m512i lower) {
    __m256 first = half_joined(_mm512_castsi512_si256(upper), _mm512_castsi512_si256(lower));
    __m256 second = half_joined(_mm512_extracti32x8_epi32(upper, 1), _mm512_extracti32x8_epi32(lower, 1));
    return _mm512_insertf32x8(_mm512_castps256_ps512(first), second, 1);
}

/* The weights are rounded to 16 bits relative to the largest one, in two planes of bytes.  After two rounds of unpacking
 * the values of four tokens for the same number are adjacent, as vpdpbusd needs them.  A lane adds one product of at most
 * 127 * 255 per token. */
/* weights: (heads, padded(count)); factors: of each head; planes: workspace of as many bytes as weights has; out: (heads,
 * head_dim). */
ALWAYS_INLINE void mix(const float *weights, const int heads, kv_rows_t values, const visible_t *visible,
    const int head_dim, void *planes, const float *factors, float *out) {
    int count = visible->count, all = padded(count);
    uint8_t *upper[HEADS_AT_ONCE], *lower[HEADS_AT_ONCE];
    float scale[HEADS_AT_ONCE];
    for (int h = 0; h < heads; h++) {
        upper[h] = (uint8_t *)planes + 2 * h * all;
        lower[h] = upper[h] + all;
        scale[h] = (float)LARGEST_ROUNDED / largest_size(weights + h * all, count);
        for (int t = 0; t < count; t++) {
            uint32_t bits = (uint32_t)(int32_t)rintf(weights[h * all + t] * scale[h]);
            upper[h][t] = (uint8_t)(bits >> 8);
            lower[h][t] = (uint8_t)bits;
        }
        for (int t = count; t < all; t++) upper[h][t] = lower[h][t] = 0;
    }
    for (int i = 0; i < head_dim; i += 64) { /* so many sums stay in registers */
        __m512i uppers[HEADS_AT_ONCE][4], lowers[HEADS_AT_ONCE][4];
        UNROLLED
        for (int h = 0; h < heads; h++) {
            UNROLLED
            for (int j = 0; j < 4; j++) uppers[h][j] = lowers[h][j] = _mm512_setzero_si512();
        }
        for (int t = 0; t < count; t += TILE) {
            const int8_t *row[TILE];
            find_rows(values, visible, t, head_dim, row);
            UNROLLED
            for (int k = 0; k < TILE; k++) prefetch(row[k] + i + KV_AHEAD, 64);
            __m512i a = _mm512_loadu_si512(row[0] + i), b = _mm512_loadu_si512(row[1] + i);
            __m512i c = _mm512_loadu_si512(row[2] + i), d = _mm512_loadu_si512(row[3] + i);
            __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
            __m512i more_ab = _mm512_unpackhi_epi8(a, b), more_cd = _mm512_unpackhi_epi8(c, d);
            __m512i four[4] = {
                _mm512_unpacklo_epi16(ab, cd),
                _mm512_unpackhi_epi16(ab, cd),
                _mm512_unpacklo_epi16(more_ab, more_cd),
                _mm512_unpackhi_epi16(more_ab, more_cd),
            };
            UNROLLED
            for (int h = 0; h < heads; h++) {
                __m512i high = broadcast((const int8_t *)upper[h] + t), low = broadcast((const int8_t *)lower[h] + t);
                UNROLLED
                for (int j = 0; j < 4; j++) {
                    uppers[h][j] = _mm512_dpbusd_epi32(uppers[h][j], high, four[j]);
                    lowers[h][j] = _mm512_dpbusd_epi32(lowers[h][j], low, four[j]);
                }
            }
        }
        for (int h = 0; h < heads; h++)
            for (int j = 0; j < 4; j++) {
                float lanes[LANES];
                __m512 sums = joined_exactly(uppers[h][j], lowers[h][j]);
                _mm512_storeu_ps(lanes, _mm512_mul_ps(sums, _mm512_set1_ps(factors[h] / scale[h])));
                for (int l = 0; l < LANES; l++) out[h * head_dim + i + 16 * (l / 4) + 4 * j + l % 4] = lanes[l];
            }
    }
}
