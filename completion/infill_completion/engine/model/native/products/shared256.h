/* What both types of 256-bit x86 processors share. */
#include <immintrin.h>

/* Add up the lanes of each of TILE vectors, all at once. */
ALWAYS_INLINE __m128i sum_up_integers(const __m256i *lanes) {
    __m256i ab = _mm256_hadd_epi32(lanes[0], lanes[1]), cd = _mm256_hadd_epi32(lanes[2], lanes[3]);
    __m256i abcd = _mm256_hadd_epi32(ab, cd); /* a, b, c, d, twice */
    return _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));
}

ALWAYS_INLINE void write_sums(__m256d totals, int weights, float *y) {
    __m128 four = _mm256_cvtpd_ps(totals);
    if (weights == TILE)
        _mm_storeu_ps(y, four);
    else
        *y = _mm_cvtss_f32(four);
}

/* ---- 4 bits ---- */

#define GROUP_ROWS 4
#define HALF (GROUP_OUTPUTS / 2)

/* Of each type: add the products of numbers of 4 bits with inputs, as many as a group has for each lane, and return the
 * sums in 32 bits. */
ALWAYS_INLINE __m256i add_quads(__m256i sums, __m256i numbers, __m256i inputs);
ALWAYS_INLINE __m256i in_32_bits(__m256i sums);

ALWAYS_INLINE __m256i broadcast(const void *four_bytes) {
    int32_t bits;
    memcpy(&bits, four_bytes, sizeof bits);
    return _mm256_set1_epi32(bits);
}

ALWAYS_INLINE __m256 in_float32(const uint16_t *halves) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)halves));
}

/* Compute y (rows, GROUP_OUTPUTS) for `count` halves of the outputs, from `first` on. */
ALWAYS_INLINE void dot_halves(
    const group_t *weight, int groups, const planes_t *x, const int rows, const int first, const int count, float *y) {
    __m256 totals[2 * GROUP_ROWS];
    const __m256i mask = _mm256_set1_epi8(15);
    UNROLLED
    for (int r = 0; r < count * rows; r++) totals[r] = _mm256_setzero_ps();
    for (int g = 0; g < groups; g++, weight++) {
        __m256i upper[2 * GROUP_ROWS], lower[2 * GROUP_ROWS];
        prefetch_weights(weight, sizeof *weight, GROUPS_AHEAD);
        UNROLLED
        for (int r = 0; r < count * rows; r++) upper[r] = lower[r] = _mm256_setzero_si256();
        UNROLLED
        for (int q = 0; q < QUADS; q += 2) {
            UNROLLED
            for (int h = 0; h < count; h++) {
                __m256i both = _mm256_loadu_si256((const void *)(weight->numbers[q / 2] + 32 * (first + h)));
                __m256i numbers[2] = {_mm256_and_si256(both, mask), _mm256_and_si256(_mm256_srli_epi16(both, 4), mask)};
                UNROLLED
                for (int r = 0; r < rows; r++) {
                    UNROLLED
                    for (int i = 0; i < 2; i++) {
                        int at = g * GROUP_INPUTS + (q + i) * 4, s = h * rows + r;
                        upper[s] = add_quads(upper[s], numbers[i], broadcast(x[r].upper + at));
                        lower[s] = add_quads(lower[s], numbers[i], broadcast(x[r].lower + at));
                    }
                }
            }
        }
        UNROLLED
        for (int h = 0; h < count; h++) {
            __m256 scale = in_float32(weight->scale + HALF * (first + h));
            __m256 minimum = in_float32(weight->minimum + HALF * (first + h));
            UNROLLED
            for (int r = 0; r < rows; r++) {
                int s = h * rows + r;
                __m256i sums = _mm256_add_epi32(_mm256_slli_epi32(in_32_bits(upper[s]), 8), in_32_bits(lower[s]));
                totals[s] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), scale, totals[s]);
                totals[s] = _mm256_fmadd_ps(_mm256_set1_ps(x[r].sum[g]), minimum, totals[s]);
            }
        }
    }
    UNROLLED
    for (int h = 0; h < count; h++) {
        UNROLLED
        for (int r = 0; r < rows; r++)
            _mm256_storeu_ps(y + r * GROUP_OUTPUTS + HALF * (first + h), totals[h * rows + r]);
    }
}

/* With several rows there are registers for the sums of half of the outputs only. */
ALWAYS_INLINE void dot_groups(const group_t *weight, int groups, const planes_t *x, const int rows, float *y) {
    if (rows == 1) {
        dot_halves(weight, groups, x, 1, 0, 2, y);
        return;
    }
    dot_halves(weight, groups, x, rows, 0, 1, y);
    dot_halves(weight, groups, x, rows, 1, 1, y);
}

/* ---- attention ---- */

#define FAST_HEAD_DIM 16 /* attention is fast for multiples of it */
#define MIX_NUMBERS 64   /* of a value at once: so many sums fit the registers */

ALWAYS_INLINE void score(
    const float *query, kv_rows_t keys, const visible_t *visible, const int head_dim, float *scores) {
    int16_t rounded[MAX_HEAD_DIM];
    __m256i parts[MAX_HEAD_DIM / 16];
    float scale = round_to_16_bits(query, head_dim, rounded);
    for (int i = 0; i < head_dim / 16; i++) parts[i] = _mm256_loadu_si256((const void *)(rounded + 16 * i));
    for (int t = 0; t < visible->count; t += TILE) {
        __m256i sums[TILE];
        UNROLLED
        for (int k = 0; k < TILE; k++) {
            const int8_t *key = row_of(keys, visible, t + k, head_dim);
            prefetch(key + KV_AHEAD, head_dim);
            sums[k] = _mm256_setzero_si256();
            for (int i = 0; i < head_dim / 16; i++) {
                __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(key + 16 * i)));
                sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(wide, parts[i]));
            }
        }
        _mm_storeu_ps(scores + t, _mm_cvtepi32_ps(sum_up_integers(sums)));
    }
    multiply_by_scales(scores, keys.scale, 1.0f / (scale * sqrtf((float)head_dim)), visible);
}

/* Mix `width` numbers of the values, from `first` on.  The numbers of two tokens are added at once. */
ALWAYS_INLINE void mix_part(const int16_t *weights, kv_rows_t values, const visible_t *visible, int head_dim, int first,
    const int width, float factor, float *out) {
    __m256d totals[MIX_NUMBERS / 4];
    for (int i = 0; i < width / 4; i++) totals[i] = _mm256_setzero_pd();
    for (int start = 0; start < visible->count; start += EXACT_PRODUCTS) {
        int end = start + EXACT_PRODUCTS < visible->count ? start + EXACT_PRODUCTS : visible->count;
        __m256i sums[MIX_NUMBERS / 8];
        for (int i = 0; i < width / 8; i++) sums[i] = _mm256_setzero_si256();
        for (int t = start; t < end; t += 2) {
            const int8_t *a = row_of(values, visible, t, head_dim) + first;
            const int8_t *b = row_of(values, visible, t + 1, head_dim) + first;
            __m256i both = broadcast(weights + t);
            prefetch(a + KV_AHEAD, width);
            prefetch(b + KV_AHEAD, width);
            for (int i = 0; i < width / 16; i++) {
                __m128i of_a = _mm_loadu_si128((const void *)(a + 16 * i));
                __m128i of_b = _mm_loadu_si128((const void *)(b + 16 * i));
                __m256i low = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(of_a, of_b));
                __m256i high = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(of_a, of_b));
                sums[2 * i] = _mm256_add_epi32(sums[2 * i], _mm256_madd_epi16(low, both));
                sums[2 * i + 1] = _mm256_add_epi32(sums[2 * i + 1], _mm256_madd_epi16(high, both));
            }
        }
        for (int i = 0; i < width / 8; i++) {
            __m128i low = _mm256_castsi256_si128(sums[i]), high = _mm256_extracti128_si256(sums[i], 1);
            totals[2 * i] = _mm256_add_pd(totals[2 * i], _mm256_cvtepi32_pd(low));
            totals[2 * i + 1] = _mm256_add_pd(totals[2 * i + 1], _mm256_cvtepi32_pd(high));
        }
    }
    for (int i = 0; i < width / 4; i++)
        _mm_storeu_ps(out + first + 4 * i, _mm_mul_ps(_mm256_cvtpd_ps(totals[i]), _mm_set1_ps(factor)));
}

ALWAYS_INLINE void mix(const float *weights, kv_rows_t values, const visible_t *visible, const int head_dim,
    void *workspace, float factor, float *out) {
    int16_t *rounded = workspace;
    int i = 0;
    factor /= round_to_16_bits(weights, visible->count, rounded);
    for (int t = visible->count; t < padded(visible->count); t++) rounded[t] = 0;
    for (; i + MIX_NUMBERS <= head_dim; i += MIX_NUMBERS)
        mix_part(rounded, values, visible, head_dim, i, MIX_NUMBERS, factor, out);
    for (; i < head_dim; i += FAST_HEAD_DIM)
        mix_part(rounded, values, visible, head_dim, i, FAST_HEAD_DIM, factor, out);
}
