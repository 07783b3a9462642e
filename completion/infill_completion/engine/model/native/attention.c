#include "attention.h"
#include "tile.h"

#define KV_AHEAD 4096 /* bytes */

void infill_store(const float *restrict x, int head_dim, kv_rows_t to, int index) {
    float largest = largest_size(x, head_dim), scale = 127.0f / largest;
    int8_t *restrict numbers = to.numbers + (ptrdiff_t)index * head_dim;
    for (int i = 0; i < head_dim; i++) numbers[i] = (int8_t)(int32_t)rintf(x[i] * scale);
    to.scale[index] = largest / 127.0f;
}

/* Tokens are read TILE at a time; the padding gets no weight. */
static int padded(int tokens) { return (tokens + TILE - 1) & -TILE; }

int infill_attention_workspace(int tokens) { return 2 * padded(tokens); }

ALWAYS_INLINE ptrdiff_t index_of(const visible_t *visible, int t) {
    return t < visible->shared ? t : visible->first + (ptrdiff_t)(t - visible->shared) * visible->stride;
}

/* The row of the t-th visible token; past the end, that of the last one. */
ALWAYS_INLINE const int8_t *row_of(kv_rows_t rows, const visible_t *visible, int t, int head_dim) {
    return rows.numbers + index_of(visible, t < visible->count ? t : visible->count - 1) * head_dim;
}

static void multiply_by_scales(float *restrict x, const float *restrict scale, float factor, const visible_t *visible) {
    if (visible->stride == 1)
        for (int t = 0; t < visible->count; t++) x[t] *= factor * scale[t];
    else
        for (int t = 0; t < visible->count; t++) x[t] *= factor * scale[index_of(visible, t)];
}

#ifdef HAS_VNNI
/* Add up the integer lanes of each of TILE vectors, all at once. */
ALWAYS_INLINE void sum_up_integers(__m512i a, __m512i b, __m512i c, __m512i d, float *sums) {
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti32x8_epi32(abcd, 1));
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    _mm_storeu_ps(sums, _mm_cvtepi32_ps(four));
}

/* The query is rounded to 16 bits.  A lane adds head_dim / 16 products of at most 127 * 32767; up to MAX_HEAD_DIM the sum
 * of all lanes fits an int32. */
ALWAYS_INLINE void score(
    const float *query, kv_rows_t keys, const visible_t *visible, const int head_dim, float *scores) {
    float scale = 32767.0f / largest_size(query, head_dim);
    int16_t rounded[MAX_HEAD_DIM];
    __m512i parts[MAX_HEAD_DIM / 32];
    for (int i = 0; i < head_dim; i++) rounded[i] = (int16_t)(int32_t)rintf(query[i] * scale);
    for (int i = 0; i < head_dim / 32; i++) parts[i] = _mm512_loadu_si512(rounded + 32 * i);
    for (int t = 0; t < visible->count; t += TILE) {
        __m512i sums[TILE];
        UNROLLED
        for (int k = 0; k < TILE; k++) {
            const int8_t *key = row_of(keys, visible, t + k, head_dim);
            prefetch(key + KV_AHEAD, head_dim);
            sums[k] = _mm512_setzero_si512();
            for (int i = 0; i < head_dim / 32; i++) {
                __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)(key + 32 * i)));
                sums[k] = _mm512_dpwssd_epi32(sums[k], wide, parts[i]);
            }
        }
        sum_up_integers(sums[0], sums[1], sums[2], sums[3], scores + t);
    }
    multiply_by_scales(scores, keys.scale, 1.0f / (scale * sqrtf((float)head_dim)), visible);
}

/* The weights are rounded to 16 bits relative to the largest one, in two planes of bytes.  After two rounds of unpacking
 * the values of four tokens for the same number are adjacent, as vpdpbusd needs them.  A lane adds one product of at most
 * 127 * 255 per token. */
ALWAYS_INLINE void mix(float *weights, kv_rows_t values, const visible_t *visible, const int head_dim, uint8_t *planes,
    float factor, float *out) {
    int count = visible->count, all = padded(count);
    uint8_t *upper = planes, *lower = planes + all;
    float scale = 65535.0f / largest_size(weights, count);
    for (int t = 0; t < count; t++) {
        uint32_t bits = (uint32_t)(int32_t)rintf(weights[t] * scale);
        upper[t] = (uint8_t)(bits >> 8);
        lower[t] = (uint8_t)bits;
    }
    for (int t = count; t < all; t++) upper[t] = lower[t] = 0;
    __m512i uppers[MAX_HEAD_DIM / 16], lowers[MAX_HEAD_DIM / 16];
    for (int i = 0; i < head_dim / 16; i++) uppers[i] = lowers[i] = _mm512_setzero_si512();
    for (int t = 0; t < count; t += TILE) {
        const int8_t *row[TILE];
        int32_t bytes[2];
        memcpy(bytes, upper + t, sizeof *bytes);
        memcpy(bytes + 1, lower + t, sizeof *bytes);
        __m512i high = _mm512_set1_epi32(bytes[0]), low = _mm512_set1_epi32(bytes[1]);
        UNROLLED
        for (int k = 0; k < TILE; k++) {
            row[k] = row_of(values, visible, t + k, head_dim);
            prefetch(row[k] + KV_AHEAD, head_dim);
        }
        for (int i = 0; i < head_dim / 64; i++) {
            __m512i a = _mm512_loadu_si512(row[0] + 64 * i), b = _mm512_loadu_si512(row[1] + 64 * i);
            __m512i c = _mm512_loadu_si512(row[2] + 64 * i), d = _mm512_loadu_si512(row[3] + 64 * i);
            __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
            __m512i more_ab = _mm512_unpackhi_epi8(a, b), more_cd = _mm512_unpackhi_epi8(c, d);
            __m512i four[4] = {
                _mm512_unpacklo_epi16(ab, cd),
                _mm512_unpackhi_epi16(ab, cd),
                _mm512_unpacklo_epi16(more_ab, more_cd),
                _mm512_unpackhi_epi16(more_ab, more_cd),
            };
            UNROLLED
            for (int j = 0; j < 4; j++) {
                uppers[4 * i + j] = _mm512_dpbusd_epi32(uppers[4 * i + j], high, four[j]);
                lowers[4 * i + j] = _mm512_dpbusd_epi32(lowers[4 * i + j], low, four[j]);
            }
        }
    }
    for (int i = 0; i < head_dim / 16; i++) {
        __m512 sums =
            _mm512_fmadd_ps(_mm512_cvtepi32_ps(uppers[i]), _mm512_set1_ps(256), _mm512_cvtepi32_ps(lowers[i]));
        float lanes[LANES];
        _mm512_storeu_ps(lanes, _mm512_mul_ps(sums, _mm512_set1_ps(factor / scale)));
        for (int l = 0; l < LANES; l++) out[64 * (i / 4) + 16 * (l / 4) + 4 * (i % 4) + l % 4] = lanes[l];
    }
}
#endif

static void score_generic(const float *query, kv_rows_t keys, const visible_t *visible, int head_dim, float *scores) {
    for (int t = 0; t < visible->count; t++) {
        const int8_t *key = row_of(keys, visible, t, head_dim);
        float lanes[LANES] = {0};
        for (int i = 0; i < head_dim; i += LANES)
            for (int l = 0; l < LANES; l++) lanes[l] += query[i + l] * (float)key[i + l];
        scores[t] = sum_of_lanes(lanes);
    }
    multiply_by_scales(scores, keys.scale, 1.0f / sqrtf((float)head_dim), visible);
}

static void mix_generic(
    const float *weights, kv_rows_t values, const visible_t *visible, int head_dim, float factor, float *out) {
    for (int i = 0; i < head_dim; i++) out[i] = 0;
    for (int t = 0; t < visible->count; t++) {
        const int8_t *value = row_of(values, visible, t, head_dim);
        for (int i = 0; i < head_dim; i++) out[i] += weights[t] * (float)value[i];
    }
    for (int i = 0; i < head_dim; i++) out[i] *= factor;
}

ALWAYS_INLINE void attend(const float *query, kv_rows_t keys, kv_rows_t values, const visible_t *visible,
    const int head_dim, float *workspace, float *out) {
    int count = visible->count;
    float *scores = workspace, largest = -INFINITY;
#ifdef HAS_VNNI
    const int is_fast = head_dim % 64 == 0;
    if (is_fast)
        score(query, keys, visible, head_dim, scores);
    else
#endif
        score_generic(query, keys, visible, head_dim, scores);
    for (int t = 0; t < count; t++) largest = scores[t] > largest ? scores[t] : largest;
    for (int t = 0; t < count; t++) scores[t] = exponential(scores[t] - largest);
    float total = sum_of(scores, count);
    multiply_by_scales(scores, values.scale, 1.0f, visible);
#ifdef HAS_VNNI
    if (is_fast)
        mix(scores, values, visible, head_dim, (uint8_t *)(workspace + padded(count)), 1.0f / total, out);
    else
#endif
        mix_generic(scores, values, visible, head_dim, 1.0f / total, out);
}

void infill_attention(const float *query, kv_rows_t keys, kv_rows_t values, const visible_t *visible, int head_dim,
    float *workspace, float *out) {
    switch (head_dim) { /* the usual ones as constants: the sums stay in registers */
        case 64: attend(query, keys, values, visible, 64, workspace, out); return;
        case 128: attend(query, keys, values, visible, 128, workspace, out); return;
        default: attend(query, keys, values, visible, head_dim, workspace, out);
    }
}
