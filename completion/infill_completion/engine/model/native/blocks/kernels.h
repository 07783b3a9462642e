/* Sums of products of one tile of tokens with a panel of weights, by vector and by matrix instructions. */
#pragma once
#include "blocks.h"
#include "vectors.h"

#define SUMS (TILE_OUTPUTS * TILE_TOKENS)
#define AHEAD_BYTES 128 /* of the next panel, for each step */

typedef struct { /* TILE_OUTPUTS outputs */
    const uint8_t *bytes; /* (outputs, inputs) of 8 bits; (steps, outputs, TILE_INPUTS) of 4 bits, a byte each */
    ptrdiff_t stride;     /* between outputs */
    ptrdiff_t advance;    /* of 8 bits: from one step of inputs to the next */
    const float *scale, *minimum; /* of 4 bits: (groups, outputs) */
    int32_t offset[TILE_OUTPUTS]; /* of 8 bits: what the upper sums are too large by */
} panel_t;

ALWAYS_INLINE __m512i broadcast_quad(const uint8_t *four) {
    int32_t bits;
    memcpy(&bits, four, sizeof bits);
    return _mm512_set1_epi32(bits);
}

/* ---- vectors ---- */

#define OUTPUTS_AT_ONCE 8
#define UNROLLED_8 _Pragma("GCC unroll 8")

/* Write the upper and the lower sums of some outputs, (2, TILE_OUTPUTS, TILE_TOKENS). */
ALWAYS_INLINE void few_bytes(const panel_t *panel, int first, const uint8_t *x, int steps, int32_t *sums) {
    __m512i upper[OUTPUTS_AT_ONCE], lower[OUTPUTS_AT_ONCE];
    ptrdiff_t stride = panel->stride;
    UNROLLED_8
    for (int o = 0; o < OUTPUTS_AT_ONCE; o++) {
        upper[o] = _mm512_set1_epi32(-panel->offset[first + o]);
        lower[o] = _mm512_setzero_si512();
    }
    for (int s = 0; s < steps; s++, x += 2 * PLANE_BYTES) {
        const uint8_t *weight = panel->bytes + first * stride + s * panel->advance;
        for (int q = 0; q < TILE_INPUTS / 4; q++, weight += 4) {
            __m512i high = _mm512_loadu_si512(x + 64 * q), low = _mm512_loadu_si512(x + PLANE_BYTES + 64 * q);
            UNROLLED_8
            for (int o = 0; o < OUTPUTS_AT_ONCE; o++) {
                __m512i quad = broadcast_quad(weight + o * stride);
                upper[o] = _mm512_dpbusd_epi32(upper[o], high, quad);
                lower[o] = _mm512_dpbusd_epi32(lower[o], low, quad);
            }
        }
    }
    UNROLLED_8
    for (int o = 0; o < OUTPUTS_AT_ONCE; o++) {
        _mm512_storeu_si512(sums + (first + o) * TILE_TOKENS, upper[o]);
        _mm512_storeu_si512(sums + SUMS + (first + o) * TILE_TOKENS, lower[o]);
    }
}

/* What a group adds to the total of an output. */
ALWAYS_INLINE __m512 with_group(
    __m512 total, __m512i upper, __m512i lower, const float *scale, const float *minimum, __m512 sum) {
    __m512 product = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(upper, 8), lower));
    total = _mm512_fmadd_ps(product, _mm512_set1_ps(*scale), total);
    return _mm512_fmadd_ps(sum, _mm512_set1_ps(*minimum), total);
}

/* Write the totals of some outputs, (TILE_OUTPUTS, TILE_TOKENS). */
ALWAYS_INLINE void few_groups(
    const panel_t *panel, int first, const uint8_t *x, const float *group_sums, int groups, float *y) {
    __m512 totals[OUTPUTS_AT_ONCE];
    UNROLLED_8
    for (int o = 0; o < OUTPUTS_AT_ONCE; o++) totals[o] = _mm512_setzero_ps();
    for (int g = 0; g < groups; g++) {
        __m512i upper[OUTPUTS_AT_ONCE], lower[OUTPUTS_AT_ONCE];
        const uint8_t *at = x + (g / 2) * 2 * PLANE_BYTES + g % 2 * (PLANE_BYTES / 2);
        const uint8_t *weight = panel->bytes + (g / 2) * PLANE_BYTES + first * TILE_INPUTS + g % 2 * GROUP_INPUTS;
        UNROLLED_8
        for (int o = 0; o < OUTPUTS_AT_ONCE; o++) upper[o] = lower[o] = _mm512_setzero_si512();
        for (int q = 0; q < GROUP_INPUTS / 4; q++, weight += 4) {
            __m512i high = _mm512_loadu_si512(at + 64 * q), low = _mm512_loadu_si512(at + PLANE_BYTES + 64 * q);
            UNROLLED_8
            for (int o = 0; o < OUTPUTS_AT_ONCE; o++) {
                __m512i quad = broadcast_quad(weight + o * TILE_INPUTS);
                upper[o] = _mm512_dpbusd_epi32(upper[o], quad, high);
                lower[o] = _mm512_dpbusd_epi32(lower[o], quad, low);
            }
        }
        const float *scale = panel->scale + g * TILE_OUTPUTS + first;
        const float *minimum = panel->minimum + g * TILE_OUTPUTS + first;
        __m512 sum = _mm512_loadu_ps(group_sums + g * TILE_TOKENS);
        UNROLLED_8
        for (int o = 0; o < OUTPUTS_AT_ONCE; o++)
            totals[o] = with_group(totals[o], upper[o], lower[o], scale + o, minimum + o, sum);
    }
    UNROLLED_8
    for (int o = 0; o < OUTPUTS_AT_ONCE; o++) _mm512_storeu_ps(y + (first + o) * TILE_TOKENS, totals[o]);
}

/* ---- matrices ---- */

#ifdef HAS_AMX
#define TILES_C 4 /* 0 to 3: sums; 4 and 5: weights; 6 and 7: tokens */

/* Weights have `input_bytes` inputs a row. */
ALWAYS_INLINE void configure_tiles(int input_bytes) {
    struct {
        uint8_t palette, start_row, zero[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } all = {.palette = 1};
    for (int t = 0; t < 8; t++) {
        int is_weight = t >= TILES_C && t < TILES_C + 2, is_token = t >= TILES_C + 2;
        all.bytes[t] = is_weight ? (uint16_t)input_bytes : 64;
        all.rows[t] = is_token ? (uint8_t)(input_bytes / 4) : 16;
    }
    _tile_loadconfig(&all);
}

/* Write the sums of two panels, (2 panels, 2, TILE_OUTPUTS, TILE_TOKENS), and fetch what follows at `ahead`. */
static void many_bytes(const panel_t *panels, const uint8_t *x, int steps, const uint8_t *ahead, int32_t *sums) {
    const uint8_t *first = panels[0].bytes, *second = panels[1].bytes;
    ptrdiff_t stride = panels[0].stride, advance = panels[0].advance;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int s = 0; s < steps; s++, x += 2 * PLANE_BYTES, first += advance, second += advance, ahead += AHEAD_BYTES) {
        _tile_loadd(6, x, 64);
        _tile_loadd(4, first, stride);
        _tile_loadd(7, x + PLANE_BYTES, 64);
        _tile_dpbssd(0, 4, 6);
        _tile_dpbsud(1, 4, 7);
        _tile_loadd(5, second, stride);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbsud(3, 5, 7);
        prefetch(ahead, AHEAD_BYTES);
    }
    _tile_stored(0, sums, 64);
    _tile_stored(1, sums + SUMS, 64);
    _tile_stored(2, sums + 2 * SUMS, 64);
    _tile_stored(3, sums + 3 * SUMS, 64);
}

/* Write the totals of a panel, (TILE_OUTPUTS, TILE_TOKENS), for an even number of groups.  While the matrix unit computes
 * two groups, the vector unit adds up the two before. */
static inline void many_groups(const panel_t *panel, const uint8_t *x, const float *group_sums, int groups, float *y) {
    _Alignas(64) int32_t sums[2][4 * SUMS];
    __m512 totals[TILE_OUTPUTS];
    UNROLLED_16
    for (int o = 0; o < TILE_OUTPUTS; o++) totals[o] = _mm512_setzero_ps();
    for (int g = 0; g <= groups; g += 2) {
        int32_t *to = sums[g / 2 % 2], *from = sums[(g / 2 + 1) % 2];
        if (g < groups) {
            const uint8_t *weight = panel->bytes + (g / 2) * PLANE_BYTES, *at = x + (g / 2) * 2 * PLANE_BYTES;
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
            _tile_loadd(4, weight, TILE_INPUTS);
            _tile_loadd(6, at, 64);
            _tile_loadd(7, at + PLANE_BYTES, 64);
            _tile_dpbusd(0, 4, 6);
            _tile_dpbusd(1, 4, 7);
            _tile_loadd(5, weight + GROUP_INPUTS, TILE_INPUTS);
            _tile_loadd(6, at + PLANE_BYTES / 2, 64);
            _tile_loadd(7, at + PLANE_BYTES + PLANE_BYTES / 2, 64);
            _tile_dpbusd(2, 5, 6);
            _tile_dpbusd(3, 5, 7);
            _tile_stored(0, to, 64);
            _tile_stored(1, to + SUMS, 64);
            _tile_stored(2, to + 2 * SUMS, 64);
            _tile_stored(3, to + 3 * SUMS, 64);
        }
        for (int i = g - 2; g && i < g; i++, from += 2 * SUMS) {
            const float *scale = panel->scale + i * TILE_OUTPUTS, *minimum = panel->minimum + i * TILE_OUTPUTS;
            __m512 sum = _mm512_loadu_ps(group_sums + i * TILE_TOKENS);
            UNROLLED_16
            for (int o = 0; o < TILE_OUTPUTS; o++)
                totals[o] = with_group(totals[o], _mm512_load_si512(from + o * TILE_TOKENS),
                    _mm512_load_si512(from + SUMS + o * TILE_TOKENS), scale + o, minimum + o, sum);
        }
    }
    UNROLLED_16
    for (int o = 0; o < TILE_OUTPUTS; o++) _mm512_storeu_ps(y + o * TILE_TOKENS, totals[o]);
}
#endif

/* ---- either ---- */

/* Begin sums with so many bytes of inputs in each row of weights of a tile. */
ALWAYS_INLINE void begin_sums(int input_bytes) {
#ifdef HAS_AMX
    if (infill_uses_amx()) configure_tiles(input_bytes);
#endif
    (void)input_bytes;
}

/* Tiles in use make it dearer to switch between processes. */
ALWAYS_INLINE void end_sums(void) {
#ifdef HAS_AMX
    if (infill_uses_amx()) _tile_release();
#endif
}

/* Write the sums of one panel or two with weights of 8 bits, (2 panels, 2, TILE_OUTPUTS, TILE_TOKENS). */
static inline void sum_bytes(
    const panel_t *panels, int count, const uint8_t *x, int steps, const uint8_t *ahead, int32_t *sums) {
#ifdef HAS_AMX
    if (infill_uses_amx()) {
        many_bytes(panels, x, steps, ahead, sums);
        return;
    }
#endif
    (void)ahead;
    for (int i = 0; i < count; i++)
        for (int o = 0; o < TILE_OUTPUTS; o += OUTPUTS_AT_ONCE) few_bytes(panels + i, o, x, steps, sums + i * 2 * SUMS);
}
