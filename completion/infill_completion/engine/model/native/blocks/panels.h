/* The workspace of a block, and tiles of outputs in it. */
#pragma once
#include "kernels.h"

typedef struct {
    packed_t x;
    uint8_t *panel[2];               /* (TILE_OUTPUTS, inputs) rounded up to steps */
    float *scale[2], *minimum[2];    /* (groups, TILE_OUTPUTS) */
} block_t;

static void *part(void *workspace, size_t *used, size_t bytes) {
    void *at = workspace ? (char *)workspace + *used : NULL;
    *used += (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    return at;
}

static size_t lay_out(void *workspace, int inputs, int rows, block_t *b) {
    size_t used = 0, tiles = tiles_of(rows), groups = groups_in(inputs);
    b->x = (packed_t){.rows = rows, .inputs = inputs};
    b->x.bytes = part(workspace, &used, tiles * steps_of(inputs) * 2 * PLANE_BYTES);
    b->x.unit = part(workspace, &used, tiles * TILE_TOKENS * sizeof(float));
    b->x.sums = part(workspace, &used, tiles * groups * TILE_TOKENS * sizeof(float));
    for (int i = 0; i < 2; i++) {
        b->panel[i] = part(workspace, &used, (size_t)steps_of(inputs) * PLANE_BYTES);
        b->scale[i] = part(workspace, &used, groups * TILE_OUTPUTS * sizeof(float));
        b->minimum[i] = part(workspace, &used, groups * TILE_OUTPUTS * sizeof(float));
    }
    return used;
}

/* Turn two groups of 16 outputs into rows of TILE_INPUTS bytes. */
static void unpack_groups(const group_t *groups, int count, uint8_t *to) {
    const __m512i mask = _mm512_set1_epi8(15);
    __m512i quads[16];
    for (int q = 0; q < 16; q += 2) {
        __m512i both = q / 8 < count ? _mm512_loadu_si512(groups[q / 8].numbers[q % 8 / 2]) : _mm512_setzero_si512();
        quads[q] = _mm512_and_si512(both, mask);
        quads[q + 1] = _mm512_and_si512(_mm512_srli_epi16(both, 4), mask);
    }
    transpose(quads);
    for (int o = 0; o < 16; o++) _mm512_storeu_si512(to + o * TILE_INPUTS, quads[o]);
}

static panel_t grouped_panel(const linear_t *p, int first, const block_t *b, int which) {
    int groups = (p->inputs + GROUP_INPUTS - 1) / GROUP_INPUTS;
    const group_t *from = p->groups + (ptrdiff_t)(first / GROUP_OUTPUTS) * groups;
    float *scale = b->scale[which], *minimum = b->minimum[which];
    for (int g = 0; g < groups; g += 2) unpack_groups(from + g, groups - g, b->panel[which] + g / 2 * PLANE_BYTES);
    for (int g = 0; g < groups_in(p->inputs); g++) {
        __m512 scales = _mm512_setzero_ps(), minimums = scales;
        if (g < groups) scales = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)from[g].scale));
        if (g < groups) minimums = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)from[g].minimum));
        _mm512_storeu_ps(scale + g * TILE_OUTPUTS, scales);
        _mm512_storeu_ps(minimum + g * TILE_OUTPUTS, minimums);
    }
    return (panel_t){b->panel[which], TILE_INPUTS, 0, scale, minimum, {0}};
}

/* The weights as they are, or copied where the instructions would read beyond their end. */
static panel_t byte_panel(const linear_t *p, int first, int count, const block_t *b, int which) {
    const uint8_t *from = (const uint8_t *)p->weight + (ptrdiff_t)first * p->inputs;
    panel_t panel = {from, p->inputs, TILE_INPUTS, NULL, NULL, {0}};
    for (int o = 0; o < count; o++) panel.offset[o] = infill_uses_amx() ? 0 : p->sum[first + o] * 128;
    if (count == TILE_OUTPUTS && p->inputs % TILE_INPUTS == 0) return panel;
    panel.bytes = b->panel[which];
    panel.stride = steps_of(p->inputs) * TILE_INPUTS;
    for (int o = 0; o < TILE_OUTPUTS; o++) {
        uint8_t *to = b->panel[which] + o * panel.stride;
        memset(to, 0, panel.stride);
        if (o < count) memcpy(to, from + (ptrdiff_t)o * p->inputs, p->inputs);
    }
    return panel;
}
