/* Linear layers for many rows. */
#include "blocks.h"
#ifdef BLOCKS
#include "kernels.h"
#include "panels.h"

#define BLOCK_ROWS 256
#define NEAR_BYTES (1280 << 10) /* of packed rows: less than what a core's own cache holds */

int infill_block_rows(void) { return BLOCK_ROWS; }

size_t infill_block_bytes(int inputs, int rows) {
    block_t b;
    return lay_out(NULL, inputs, rows, &b);
}

typedef struct { /* two tiles of outputs */
    const linear_t *linear;
    panel_t panels[2];
    int first[2], count[2]; /* outputs */
    const uint8_t *ahead;   /* what to fetch meanwhile */
} pair_t;

static pair_t pair_of(const linear_t *p, const int *first, const int *end, const block_t *b) {
    pair_t pair = {.linear = p};
    for (int i = 0; i < 2; i++) {
        int left = end[i] - first[i];
        pair.first[i] = first[i];
        pair.count[i] = left < 0 ? 0 : left > TILE_OUTPUTS ? TILE_OUTPUTS : left;
        if (pair.count[i])
            pair.panels[i] =
                p->groups ? grouped_panel(p, first[i], b, i) : byte_panel(p, first[i], pair.count[i], b, i);
        else
            pair.panels[i] = pair.panels[0];
    }
    pair.ahead = pair.panels[1].bytes + (p->groups ? 0 : TILE_OUTPUTS * pair.panels[1].stride);
    return pair;
}

/* Turn the sums of 8-bit weights into outputs, (TILE_OUTPUTS, TILE_TOKENS). */
static void finish_bytes(const pair_t *pair, int which, const int32_t *sums, __m512 unit, float *y) {
    const float *scale = pair->linear->scale + pair->first[which];
    for (int o = 0; o < pair->count[which]; o++) {
        __m512i upper = _mm512_load_si512(sums + o * TILE_TOKENS),
                lower = _mm512_load_si512(sums + SUMS + o * TILE_TOKENS);
        __m512 joined = _mm512_fmadd_ps(_mm512_cvtepi32_ps(upper), _mm512_set1_ps(256), _mm512_cvtepi32_ps(lower));
        _mm512_store_ps(y + o * TILE_TOKENS, _mm512_mul_ps(joined, _mm512_mul_ps(_mm512_set1_ps(scale[o]), unit)));
    }
}

static void add_bias(const pair_t *pair, int which, float *y) {
    const float *bias = pair->linear->bias + pair->first[which];
    for (int o = 0; pair->linear->bias && o < pair->count[which]; o++) {
        __m512 x = apart(_mm512_load_ps(y + o * TILE_TOKENS));
        _mm512_store_ps(y + o * TILE_TOKENS, _mm512_add_ps(x, _mm512_set1_ps(bias[o])));
    }
}

static void multiply_bytes(const pair_t *pair, const packed_t *x, int tile, float *y) {
    _Alignas(64) int32_t sums[4 * SUMS];
    int steps = steps_of(x->inputs);
    const uint8_t *bytes = x->bytes + (ptrdiff_t)tile * steps * 2 * PLANE_BYTES;
    int count = pair->count[1] ? 2 : 1;
    sum_bytes(pair->panels, count, bytes, steps, pair->ahead + (ptrdiff_t)tile * steps * AHEAD_BYTES, sums);
    __m512 unit = _mm512_loadu_ps(x->unit + tile * TILE_TOKENS);
    for (int i = 0; i < 2; i++) finish_bytes(pair, i, sums + i * 2 * SUMS, unit, y + i * SUMS);
}

static void multiply_groups(const pair_t *pair, const packed_t *x, int tile, float *y) {
    int steps = steps_of(x->inputs), groups = groups_in(x->inputs);
    const uint8_t *bytes = x->bytes + (ptrdiff_t)tile * steps * 2 * PLANE_BYTES;
    const float *sums = x->sums + (ptrdiff_t)tile * groups * TILE_TOKENS;
    __m512 unit = _mm512_loadu_ps(x->unit + tile * TILE_TOKENS);
    for (int i = 0; i < 2 && pair->count[i]; i++, y += SUMS) {
#ifdef HAS_AMX
        if (infill_uses_amx())
            many_groups(pair->panels + i, bytes, sums, groups, y);
        else
#endif
            for (int o = 0; o < TILE_OUTPUTS; o += OUTPUTS_AT_ONCE)
                few_groups(pair->panels + i, o, bytes, sums, groups, y);
        for (int o = 0; o < SUMS; o += TILE_TOKENS) _mm512_store_ps(y + o, _mm512_mul_ps(_mm512_load_ps(y + o), unit));
    }
}

/* Write the outputs of a pair for a tile of tokens, (2, TILE_OUTPUTS, TILE_TOKENS). */
static void multiply(const pair_t *pair, const packed_t *x, int tile, float *y) {
    if (pair->linear->groups)
        multiply_groups(pair, x, tile, y);
    else
        multiply_bytes(pair, x, tile, y);
    for (int i = 0; i < 2; i++) add_bias(pair, i, y + i * SUMS);
}

/* Return how many tiles of tokens to multiply by a panel before the next one. */
static int tiles_at_once(const packed_t *x) {
    int tiles = NEAR_BYTES / (steps_of(x->inputs) * 2 * PLANE_BYTES);
    return tiles > 0 ? tiles : 1;
}

/* Write outputs (2, TILE_OUTPUTS, TILE_TOKENS) to their places in y, (rows, outputs). */
static void store_rows(const pair_t *pair, const float *outputs, int tile, int rows, float *y) {
    int all = pair->linear->outputs, left = rows - tile * TILE_TOKENS;
    for (int i = 0; i < 2; i++, outputs += SUMS) {
        float *to = y + (ptrdiff_t)tile * TILE_TOKENS * all + pair->first[i];
        __mmask16 mask = (__mmask16)((1u << pair->count[i]) - 1);
        __m512i r[16];
        if (!mask) return;
        UNROLLED_16
        for (int o = 0; o < 16; o++) r[o] = _mm512_load_si512(outputs + o * TILE_TOKENS);
        transpose(r);
        for (int t = 0; t < TILE_TOKENS && t < left; t++) _mm512_mask_storeu_epi32(to + (ptrdiff_t)t * all, mask, r[t]);
    }
}

static void multiply_packed(const linear_t *p, const block_t *b, float *y) {
    _Alignas(64) float outputs[2 * SUMS] = {0};
    int all = tiles_of(b->x.rows), at_once = tiles_at_once(&b->x);
    begin_sums(p->groups ? GROUP_INPUTS : TILE_INPUTS);
    for (int start = 0; start < all; start += at_once)
        for (int o = 0; o < p->outputs; o += 2 * TILE_OUTPUTS) {
            pair_t pair = pair_of(p, (int[]){o, o + TILE_OUTPUTS}, (int[]){p->outputs, p->outputs}, b);
            for (int tile = start; tile < all && tile < start + at_once; tile++) {
                multiply(&pair, &b->x, tile, outputs);
                store_rows(&pair, outputs, tile, b->x.rows, y);
            }
        }
    end_sums();
}

static block_t block_of(const linear_t *p, int rows, void *workspace) {
    block_t b;
    lay_out(workspace, p->inputs, rows, &b);
    b.x.is_grouped = p->groups != NULL;
    return b;
}

void infill_block_linear(const linear_t *p, const float *x, int rows, void *workspace, float *y) {
    block_t b = block_of(p, rows, workspace);
    infill_pack_rows(x, &b.x);
    multiply_packed(p, &b, y);
}

void infill_block_linear_of_columns(const linear_t *p, const float *columns, int rows, void *workspace, float *y) {
    block_t b = block_of(p, rows, workspace);
    infill_pack_columns(columns, &b.x);
    multiply_packed(p, &b, y);
}

/* Write what a pair feeds forward. */
static void store_columns(const pair_t *pair, int is_gated, const float *outputs, float *columns) {
    for (int i = 0; i < (is_gated ? 1 : 2); i++) {
        float *to = columns + (ptrdiff_t)pair->first[i] * TILE_TOKENS;
        int count = pair->count[i] * TILE_TOKENS;
        if (is_gated)
            gate(outputs, outputs + SUMS, count, to);
        else
            gelu(outputs + i * SUMS, count, to);
    }
}

void infill_block_gated(
    const linear_t *gate_up, int is_gated, const float *x, int rows, void *workspace, float *columns) {
    _Alignas(64) float outputs[2 * SUMS] = {0};
    int size = is_gated ? gate_up->outputs / 2 : gate_up->outputs, step = is_gated ? TILE_OUTPUTS : 2 * TILE_OUTPUTS;
    block_t b = block_of(gate_up, rows, workspace);
    int all = tiles_of(rows), at_once = tiles_at_once(&b.x);
    infill_pack_rows(x, &b.x);
    begin_sums(gate_up->groups ? GROUP_INPUTS : TILE_INPUTS);
    for (int start = 0; start < all; start += at_once)
        for (int o = 0; o < size; o += step) {
            int second = is_gated ? size + o : o + TILE_OUTPUTS;
            pair_t pair = pair_of(gate_up, (int[]){o, second}, (int[]){size, gate_up->outputs}, &b);
            for (int tile = start; tile < all && tile < start + at_once; tile++) {
                multiply(&pair, &b.x, tile, outputs);
                store_columns(&pair, is_gated, outputs, columns + (ptrdiff_t)tile * size * TILE_TOKENS);
            }
        }
    end_sums();
}
#else
int infill_block_rows(void) { return 0; }
#endif
