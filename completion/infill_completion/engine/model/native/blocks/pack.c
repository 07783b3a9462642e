/* Rounding rows to 16 bits and packing them for products of many rows. */
#include "blocks.h"
#ifdef BLOCKS
#include "vectors.h"

/* The planes of 8-bit weights are the upper and the lower byte; those of 4-bit weights are both signed, upper * 256 +
 * lower.  Without matrix instructions the upper plane of 8-bit weights is unsigned too, and more by 128, see upper_flip. */
#define LARGEST_OF(packed) ((packed)->is_grouped ? 127.0f * 256.0f : 32767.0f)

ALWAYS_INLINE uint8_t *step_at(const packed_t *p, int tile, int step) {
    return p->bytes + ((ptrdiff_t)tile * steps_of(p->inputs) + step) * 2 * PLANE_BYTES;
}

static int upper_flip(const packed_t *p) { return p->is_grouped || infill_uses_amx() ? 0 : 0x80; }

/* Add up the integers of the groups of a step. */
static void add_up(const packed_t *p, int tile, int step) {
    const uint8_t *upper = step_at(p, tile, step), *lower = upper + PLANE_BYTES;
    float *sums = p->sums + ((ptrdiff_t)tile * groups_in(p->inputs) + 2 * step) * TILE_TOKENS;
    for (int g = 0; g < 2; g++, sums += TILE_TOKENS) {
        __m512i high = _mm512_setzero_si512(), low = high, ones = _mm512_set1_epi8(1);
        for (int q = 8 * g; q < 8 * g + 8; q++) {
            high = _mm512_dpbusd_epi32(high, ones, _mm512_loadu_si512(upper + 64 * q));
            low = _mm512_dpbusd_epi32(low, ones, _mm512_loadu_si512(lower + 64 * q));
        }
        _mm512_storeu_ps(sums, _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(high, 8), low)));
    }
}

/* Pack TILE_INPUTS numbers of each of `rows` rows of a tile. */
static void pack_step(
    const float *x, ptrdiff_t stride, int rows, const float *scale, const packed_t *to, int tile, int step) {
    __m512i upper[TILE_TOKENS], lower[TILE_TOKENS];
    int left = to->inputs - step * TILE_INPUTS, rounding = to->is_grouped ? 128 : 0;
    __m512i flip = _mm512_set1_epi8((char)upper_flip(to));
    for (int r = 0; r < TILE_TOKENS; r++) {
        __m128i high[4], low[4];
        for (int i = 0; i < 4; i++) {
            int count = r < rows ? left - 16 * i : 0;
            __mmask16 mask = count >= 16 ? 0xffff : count > 0 ? (__mmask16)((1 << count) - 1) : 0;
            const float *from = mask ? x + r * stride + step * TILE_INPUTS + 16 * i : x;
            __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from), _mm512_set1_ps(scale[r]));
            __m512i numbers = _mm512_cvtps_epi32(scaled);
            low[i] = _mm512_cvtepi32_epi8(numbers);
            numbers = _mm512_add_epi32(numbers, _mm512_set1_epi32(rounding));
            high[i] = _mm512_cvtepi32_epi8(_mm512_srai_epi32(numbers, 8));
        }
        upper[r] = _mm512_xor_si512(flip, _mm512_loadu_si512(high));
        lower[r] = _mm512_loadu_si512(low);
    }
    uint8_t *bytes = step_at(to, tile, step);
    transpose(upper);
    transpose(lower);
    for (int q = 0; q < 16; q++) _mm512_storeu_si512(bytes + 64 * q, upper[q]);
    for (int q = 0; q < 16; q++) _mm512_storeu_si512(bytes + PLANE_BYTES + 64 * q, lower[q]);
    if (to->is_grouped) add_up(to, tile, step);
}

void infill_pack_tile(const float *x, ptrdiff_t stride, int rows, const float *scale, const packed_t *to, int tile) {
    for (int step = 0; step < steps_of(to->inputs); step++) pack_step(x, stride, rows, scale, to, tile, step);
}

void infill_pack_rows(const float *x, const packed_t *to) {
    for (int tile = 0; tile < tiles_of(to->rows); tile++, x += (ptrdiff_t)TILE_TOKENS * to->inputs) {
        int rows = to->rows - tile * TILE_TOKENS;
        float scale[TILE_TOKENS];
        if (rows > TILE_TOKENS) rows = TILE_TOKENS;
        for (int r = 0; r < TILE_TOKENS; r++) {
            scale[r] = LARGEST_OF(to) / (r < rows ? largest_size(x + (ptrdiff_t)r * to->inputs, to->inputs) : 1.0f);
            to->unit[tile * TILE_TOKENS + r] = 1.0f / scale[r];
        }
        infill_pack_tile(x, to->inputs, rows, scale, to, tile);
    }
}

/* Pack the first `count` of four rows of 16 tokens, the rest of which are zeros. */
ALWAYS_INLINE void pack_quad(const float *from, int count, __m512 scale, int rounding, int flip, uint8_t *bytes) {
    __m512i upper = _mm512_setzero_si512(), lower = upper;
    UNROLLED
    for (int i = 0; i < 4; i++) {
        __m512 x = i < count ? _mm512_loadu_ps(from + i * TILE_TOKENS) : _mm512_setzero_ps();
        __m512i numbers = _mm512_cvtps_epi32(_mm512_mul_ps(x, scale));
        __mmask64 mask = UINT64_C(0x1111111111111111) << i;
        lower = _mm512_mask_mov_epi8(lower, mask, _mm512_slli_epi32(numbers, 8 * i));
        numbers = _mm512_add_epi32(numbers, _mm512_set1_epi32(rounding));
        numbers = i ? _mm512_slli_epi32(numbers, 8 * (i ? i - 1 : 0)) : _mm512_srli_epi32(numbers, 8);
        upper = _mm512_mask_mov_epi8(upper, mask, numbers);
    }
    _mm512_storeu_si512(bytes, _mm512_xor_si512(upper, _mm512_set1_epi8((char)flip)));
    _mm512_storeu_si512(bytes + PLANE_BYTES, lower);
}

ALWAYS_INLINE void pack_step_of_columns(
    const float *columns, int count, __m512 scale, int rounding, int flip, uint8_t *bytes) {
    for (int q = 0; q < TILE_INPUTS / 4; q++, columns += 4 * TILE_TOKENS) {
        if (count >= 4 * q + 4)
            pack_quad(columns, 4, scale, rounding, flip, bytes + 64 * q);
        else
            pack_quad(columns, count - 4 * q, scale, rounding, flip, bytes + 64 * q);
    }
}

void infill_pack_weights(const float *weights, int count, __m512 scale, uint8_t *bytes) {
    pack_step_of_columns(weights, count, scale, 0, 0, bytes);
}

void infill_pack_columns(const float *columns, const packed_t *to) {
    int rounding = to->is_grouped ? 128 : 0, flip = upper_flip(to);
    for (int tile = 0; tile < tiles_of(to->rows); tile++, columns += (ptrdiff_t)TILE_TOKENS * to->inputs) {
        __m512 largest = _mm512_set1_ps(1e-30f); /* as largest_size */
        for (int i = 0; i < to->inputs; i++)
            largest = _mm512_max_ps(_mm512_abs_ps(_mm512_loadu_ps(columns + i * TILE_TOKENS)), largest);
        __m512 scale = _mm512_div_ps(_mm512_set1_ps(LARGEST_OF(to)), largest);
        _mm512_storeu_ps(to->unit + tile * TILE_TOKENS, _mm512_div_ps(_mm512_set1_ps(1), scale));
        for (int step = 0; step < steps_of(to->inputs); step++) {
            int at = step * TILE_INPUTS;
            pack_step_of_columns(
                columns + at * TILE_TOKENS, to->inputs - at, scale, rounding, flip, step_at(to, tile, step));
            if (to->is_grouped) add_up(to, tile, step);
        }
    }
}
#endif
