#include "attend.h"
#include "tile.h"

#define KEPT_AHEAD 4096 /* bytes */

void infill_keep(const float *restrict x, int width, kept_t to, int place) {
    float largest = largest_size(x, width), scale = 127.0f / largest;
    int8_t *restrict numbers = to.numbers + (ptrdiff_t)place * width;
    for (int i = 0; i < width; i++) numbers[i] = (int8_t)(int32_t)rintf(x[i] * scale);
    to.scale[place] = largest / 127.0f;
}

/* Places are read TILE at a time; what goes beyond the last one weighs nothing. */
static int filled_up(int places) { return (places + TILE - 1) & -TILE; }

int infill_attend_room(int places) { return 2 * filled_up(places); }

ALWAYS_INLINE ptrdiff_t place_of(const seen_t *seen, int t) {
    return t < seen->shared ? t : seen->first + (ptrdiff_t)(t - seen->shared) * seen->ways;
}

/* The row of a place, or that of the last one. */
ALWAYS_INLINE const int8_t *row_of(kept_t kept, const seen_t *seen, int t, int width) {
    return kept.numbers + place_of(seen, t < seen->count ? t : seen->count - 1) * width;
}

static void multiply_by_scales(float *restrict x, const float *restrict scale, float factor, const seen_t *seen) {
    if (seen->ways == 1)
        for (int t = 0; t < seen->count; t++) x[t] *= factor * scale[t];
    else
        for (int t = 0; t < seen->count; t++) x[t] *= factor * scale[place_of(seen, t)];
}

#ifdef HAS_VNNI
/* Sums of lanes of integers, all at once. */
ALWAYS_INLINE void sum_up_whole(__m512i a, __m512i b, __m512i c, __m512i d, float *sums) {
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti32x8_epi32(abcd, 1));
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    _mm_storeu_ps(sums, _mm_cvtepi32_ps(four));
}

/* The query is rounded to 16 bits.  A lane takes width / 16 products of at most 127 * 32767, and with MOST_WIDTH of them
 * the sum of all lanes is within an int32. */
ALWAYS_INLINE void score(const float *query, kept_t keys, const seen_t *seen, const int width, float *scores) {
    float scale = 32767.0f / largest_size(query, width);
    int16_t whole[MOST_WIDTH];
    __m512i parts[MOST_WIDTH / 32];
    for (int i = 0; i < width; i++) whole[i] = (int16_t)(int32_t)rintf(query[i] * scale);
    for (int i = 0; i < width / 32; i++) parts[i] = _mm512_loadu_si512(whole + 32 * i);
    for (int t = 0; t < seen->count; t += TILE) {
        __m512i sums[TILE];
        UNROLLED
        for (int k = 0; k < TILE; k++) {
            const int8_t *key = row_of(keys, seen, t + k, width);
            fetch(key + KEPT_AHEAD, width);
            sums[k] = _mm512_setzero_si512();
            for (int i = 0; i < width / 32; i++) {
                __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)(key + 32 * i)));
                sums[k] = _mm512_dpwssd_epi32(sums[k], wide, parts[i]);
            }
        }
        sum_up_whole(sums[0], sums[1], sums[2], sums[3], scores + t);
    }
    multiply_by_scales(scores, keys.scale, 1.0f / (scale * sqrtf((float)width)), seen);
}

/* The weights are rounded to 16 bits of the largest, in two planes of bytes: four values of each number stand side by
 * side after two rounds of unpacking, as vpdpbusd wants them.  A lane takes a product of at most 127 * 255 a place. */
ALWAYS_INLINE void blend(
    float *weights, kept_t values, const seen_t *seen, const int width, uint8_t *planes, float factor, float *out) {
    int count = seen->count, all = filled_up(count);
    uint8_t *upper = planes, *lower = planes + all;
    float scale = 65535.0f / largest_size(weights, count);
    for (int t = 0; t < count; t++) {
        uint32_t bits = (uint32_t)(int32_t)rintf(weights[t] * scale);
        upper[t] = (uint8_t)(bits >> 8);
        lower[t] = (uint8_t)bits;
    }
    for (int t = count; t < all; t++) upper[t] = lower[t] = 0;
    __m512i uppers[MOST_WIDTH / 16], lowers[MOST_WIDTH / 16];
    for (int i = 0; i < width / 16; i++) uppers[i] = lowers[i] = _mm512_setzero_si512();
    for (int t = 0; t < count; t += TILE) {
        const int8_t *row[TILE];
        int32_t bytes[2];
        memcpy(bytes, upper + t, sizeof *bytes);
        memcpy(bytes + 1, lower + t, sizeof *bytes);
        __m512i high = _mm512_set1_epi32(bytes[0]), low = _mm512_set1_epi32(bytes[1]);
        UNROLLED
        for (int k = 0; k < TILE; k++) {
            row[k] = row_of(values, seen, t + k, width);
            fetch(row[k] + KEPT_AHEAD, width);
        }
        for (int i = 0; i < width / 64; i++) {
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
    for (int i = 0; i < width / 16; i++) {
        __m512 sums =
            _mm512_fmadd_ps(_mm512_cvtepi32_ps(uppers[i]), _mm512_set1_ps(256), _mm512_cvtepi32_ps(lowers[i]));
        float lanes[LANES];
        _mm512_storeu_ps(lanes, _mm512_mul_ps(sums, _mm512_set1_ps(factor / scale)));
        for (int l = 0; l < LANES; l++) out[64 * (i / 4) + 16 * (l / 4) + 4 * (i % 4) + l % 4] = lanes[l];
    }
}
#endif

static void score_any(const float *query, kept_t keys, const seen_t *seen, int width, float *scores) {
    for (int t = 0; t < seen->count; t++) {
        const int8_t *key = row_of(keys, seen, t, width);
        float lanes[LANES] = {0};
        for (int i = 0; i < width; i += LANES)
            for (int l = 0; l < LANES; l++) lanes[l] += query[i + l] * (float)key[i + l];
        scores[t] = sum_of_lanes(lanes);
    }
    multiply_by_scales(scores, keys.scale, 1.0f / sqrtf((float)width), seen);
}

static void blend_any(const float *weights, kept_t values, const seen_t *seen, int width, float factor, float *out) {
    for (int i = 0; i < width; i++) out[i] = 0;
    for (int t = 0; t < seen->count; t++) {
        const int8_t *value = row_of(values, seen, t, width);
        for (int i = 0; i < width; i++) out[i] += weights[t] * (float)value[i];
    }
    for (int i = 0; i < width; i++) out[i] *= factor;
}

ALWAYS_INLINE void attend_to(
    const float *query, kept_t keys, kept_t values, const seen_t *seen, const int width, float *room, float *out) {
    int count = seen->count;
    float *scores = room, largest = -INFINITY;
#ifdef HAS_VNNI
    const int is_fast = width % 64 == 0;
    if (is_fast)
        score(query, keys, seen, width, scores);
    else
#endif
        score_any(query, keys, seen, width, scores);
    for (int t = 0; t < count; t++) largest = scores[t] > largest ? scores[t] : largest;
    for (int t = 0; t < count; t++) scores[t] = exponential(scores[t] - largest);
    float total = sum_of(scores, count);
    multiply_by_scales(scores, values.scale, 1.0f, seen);
#ifdef HAS_VNNI
    if (is_fast)
        blend(scores, values, seen, width, (uint8_t *)(room + filled_up(count)), 1.0f / total, out);
    else
#endif
        blend_any(scores, values, seen, width, 1.0f / total, out);
}

void infill_attend(
    const float *query, kept_t keys, kept_t values, const seen_t *seen, int width, float *room, float *out) {
    switch (width) { /* the usual ones, as constants: the sums stay in registers */
        case 64: attend_to(query, keys, values, seen, 64, room, out); return;
        case 128: attend_to(query, keys, values, seen, 128, room, out); return;
        default: attend_to(query, keys, values, seen, width, room, out);
    }
}
