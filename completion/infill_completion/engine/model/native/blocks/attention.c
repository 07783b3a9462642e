/* Attention of many tokens of one text.
 *
 * Scores are products of keys with sixteen queries at a time, and mixed values are products of columns of values with
 * their weights: both by the kernels of linear layers.
 */
#include "blocks.h"
#ifdef BLOCKS
#include "../products.h"
#include "kernels.h"
#include <float.h>

typedef struct { /* what the heads of a group share, and memory for one tile of queries */
    kv_rows_t keys, values;
    int32_t head_dim, all, tokens; /* visible to the last query of all, and of the tile */
    uint8_t *columns;         /* of values, (steps of tokens, head_dim, TILE_INPUTS) */
    int32_t *offset;          /* of keys: what the upper sums are too large by, (tokens) */
    uint8_t *last_keys;       /* the keys of the last pair of panels, (2 * TILE_OUTPUTS, head_dim) */
    float *scores;            /* then weights, (tokens, TILE_TOKENS) */
    packed_t queries;
    uint8_t *weights; /* (steps of tokens, 2, PLANE_BYTES) */
} heads_t;

/* Tokens are read in steps of as many as a tile has inputs. */
static int rounded_up(int tokens) { return steps_of(tokens) * TILE_INPUTS; }

static size_t lay_out(void *workspace, int tokens, int head_dim, heads_t *a) {
    char *at = workspace;
    size_t all = rounded_up(tokens), used = 0;
    size_t sizes[] = {all * head_dim, all * sizeof(int32_t), 2 * TILE_OUTPUTS * (size_t)head_dim,
        all * TILE_TOKENS * sizeof(float), all * 2 * TILE_TOKENS, 2 * TILE_TOKENS * (size_t)head_dim};
    void *parts[sizeof sizes / sizeof *sizes] = {NULL};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (at) parts[i] = at + used;
        used += sizes[i];
    }
    a->columns = parts[0];
    a->offset = parts[1];
    a->last_keys = parts[2];
    a->scores = parts[3];
    a->weights = parts[4];
    a->queries = (packed_t){.bytes = parts[5], .inputs = head_dim};
    return used;
}

size_t infill_block_attention_bytes(int tokens, int head_dim) {
    heads_t a;
    return lay_out(NULL, tokens, head_dim, &a);
}

int infill_block_attends(int head_dim) { return head_dim % FAST_HEAD_DIM == 0; }

/* ---- what the heads of a group share ---- */

/* Turn 64 numbers of TILE_INPUTS rows, some of which may be missing, into columns (64, TILE_INPUTS). */
static void turn(const int8_t *rows, int stride, int count, uint8_t *to) {
    __m512i quads[4][16];
    for (int q = 0; q < 16; q++) {
        __m512i r[4];
        for (int i = 0; i < 4; i++)
            r[i] =
                4 * q + i < count ? _mm512_loadu_si512(rows + (ptrdiff_t)(4 * q + i) * stride) : _mm512_setzero_si512();
        __m512i ab = _mm512_unpacklo_epi8(r[0], r[1]), cd = _mm512_unpacklo_epi8(r[2], r[3]);
        __m512i more_ab = _mm512_unpackhi_epi8(r[0], r[1]), more_cd = _mm512_unpackhi_epi8(r[2], r[3]);
        quads[0][q] = _mm512_unpacklo_epi16(ab, cd);
        quads[1][q] = _mm512_unpackhi_epi16(ab, cd);
        quads[2][q] = _mm512_unpacklo_epi16(more_ab, more_cd);
        quads[3][q] = _mm512_unpackhi_epi16(more_ab, more_cd);
    }
    for (int j = 0; j < 4; j++) {
        transpose(quads[j]);
        for (int i = 0; i < 16; i++)
            _mm512_storeu_si512(to + (16 * (i / 4) + 4 * j + i % 4) * TILE_INPUTS, quads[j][i]);
    }
}

static void prepare(heads_t *a) {
    int head_dim = a->head_dim, all = a->all, pair = 2 * TILE_OUTPUTS, last = (all - 1) / pair * pair;
    for (int t = 0; t < all; t += TILE_INPUTS)
        for (int i = 0; i < head_dim; i += 64)
            turn(a->values.numbers + (ptrdiff_t)t * head_dim + i, head_dim, all - t,
                a->columns + (ptrdiff_t)t * head_dim + i * TILE_INPUTS);
    memset(a->last_keys, 0, (size_t)pair * head_dim);
    memcpy(a->last_keys, a->keys.numbers + (ptrdiff_t)last * head_dim, (size_t)(all - last) * head_dim);
    memset(a->offset, 0, rounded_up(all) * sizeof *a->offset);
    for (int t = 0; t < all && !infill_uses_amx(); t++) {
        const int8_t *key = a->keys.numbers + (ptrdiff_t)t * head_dim;
        int sum = 0;
        for (int i = 0; i < head_dim; i++) sum += key[i];
        a->offset[t] = sum * 128;
    }
}

/* ---- one tile of queries ---- */

/* Turn the scores of some tokens into powers, by the very function of single tokens: the compiler fuses the same operations
 * in both. */
static void raise_all(float *restrict scores, int tokens, __m512 largest) {
    for (int t = 0; t < tokens; t++) {
        float *at = scores + t * TILE_TOKENS;
        _mm512_storeu_ps(at, _mm512_sub_ps(_mm512_loadu_ps(at), largest));
    }
    for (int i = 0; i < tokens * TILE_TOKENS; i++) scores[i] = exponential(scores[i]);
}

/* Which of the queries see token t; the first one sees `visible` tokens, each other one more than the one before. */
ALWAYS_INLINE __mmask16 seeing(int t, int visible) {
    int missing = t - visible + 1;
    return missing <= 0 ? 0xffff : missing >= 16 ? 0 : (__mmask16)(0xffff << missing);
}

static void key_panels(const heads_t *a, int t, panel_t *panels) {
    for (int i = 0; i < 2; i++, t += TILE_OUTPUTS) {
        const uint8_t *keys = (const uint8_t *)a->keys.numbers + (ptrdiff_t)t * a->head_dim;
        if ((t | (2 * TILE_OUTPUTS - 1)) >= a->all) keys = a->last_keys + (ptrdiff_t)i * TILE_OUTPUTS * a->head_dim;
        panels[i] = (panel_t){.bytes = keys, .stride = a->head_dim, .advance = TILE_INPUTS};
        if (!infill_uses_amx()) memcpy(panels[i].offset, a->offset + t, sizeof panels[i].offset);
    }
}

/* Write the scores of all keys for queries that were multiplied by `scale`, and return the largest of each query. */
static __m512 score_tile(const heads_t *a, int visible, const float *scale) {
    _Alignas(64) int32_t sums[4 * SUMS];
    __m512 largest = _mm512_set1_ps(-FLT_MAX), root = _mm512_set1_ps(sqrtf((float)a->head_dim));
    __m512 factor = _mm512_div_ps(_mm512_set1_ps(1), _mm512_mul_ps(_mm512_loadu_ps(scale), root));
    for (int t = 0; t < a->tokens; t += 2 * TILE_OUTPUTS) {
        panel_t panels[2];
        key_panels(a, t, panels);
        sum_bytes(panels, 2, a->queries.bytes, steps_of(a->head_dim), a->queries.bytes, sums);
        for (int k = 0; k < 2 * TILE_OUTPUTS && t + k < a->tokens; k++) {
            const int32_t *from = sums + k / 16 * 2 * SUMS + k % 16 * TILE_TOKENS;
            __m512i upper = _mm512_load_si512(from), lower = _mm512_load_si512(from + SUMS);
            __m512 sum = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(upper, 8), lower));
            sum = _mm512_mul_ps(sum, _mm512_mul_ps(factor, _mm512_set1_ps(a->keys.scale[t + k])));
            _mm512_storeu_ps(a->scores + (t + k) * TILE_TOKENS, sum);
            largest = _mm512_mask_max_ps(largest, seeing(t + k, visible), largest, sum);
        }
    }
    return largest;
}

/* Turn scores into weights and return their sums, in the order of sum_of. */
static __m512 weigh(const heads_t *a, int visible, __m512 largest_score, __m512 *largest_weight) {
    __m512 lanes[LANES], rest = _mm512_setzero_ps(), largest = _mm512_set1_ps(1e-30f);
    int whole = visible & -LANES;
    for (int l = 0; l < LANES; l++) lanes[l] = _mm512_setzero_ps();
    for (int t = 0; t < a->tokens; t++) {
        int left = a->tokens - t;
        if (t % LANES == 0) raise_all(a->scores + t * TILE_TOKENS, left < LANES ? left : LANES, largest_score);
        __m512 power = _mm512_loadu_ps(a->scores + t * TILE_TOKENS);
        __mmask16 seen = seeing(t, visible), in_lanes = 0xffff;
        if (t >= whole) { /* only where a whole turn of lanes is seen */
            in_lanes = seeing(t | (LANES - 1), visible);
            rest = _mm512_mask_add_ps(rest, (__mmask16)(seen & ~in_lanes), rest, power);
        }
        lanes[t % LANES] = _mm512_mask_add_ps(lanes[t % LANES], in_lanes, lanes[t % LANES], power);
        power = _mm512_maskz_mul_ps(seen, power, _mm512_set1_ps(a->values.scale[t]));
        largest = _mm512_max_ps(largest, power);
        _mm512_storeu_ps(a->scores + t * TILE_TOKENS, power);
    }
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lanes[l] = _mm512_add_ps(lanes[l], lanes[l + half]);
    *largest_weight = largest;
    return _mm512_add_ps(lanes[0], rest);
}

/* Mix the values by weight and write rows, (rows, head_dim) with a stride. */
static void mix_tile(const heads_t *a, __m512 total, __m512 largest, int rows, float *out, int stride) {
    _Alignas(64) int32_t sums[4 * SUMS];
    __m512 scale = _mm512_div_ps(_mm512_set1_ps(LARGEST_ROUNDED), largest);
    __m512 factor = _mm512_div_ps(_mm512_div_ps(_mm512_set1_ps(1), total), scale);
    int steps = steps_of(a->tokens);
    for (int s = 0; s < steps; s++)
        infill_pack_weights(a->scores + (ptrdiff_t)s * TILE_INPUTS * TILE_TOKENS, a->tokens - s * TILE_INPUTS, scale,
            a->weights + (ptrdiff_t)s * 2 * PLANE_BYTES);
    for (int i = 0; i < a->head_dim; i += 2 * TILE_OUTPUTS) {
        panel_t panels[2];
        for (int j = 0; j < 2; j++)
            panels[j] = (panel_t){.bytes = a->columns + (i + j * TILE_OUTPUTS) * TILE_INPUTS,
                .stride = TILE_INPUTS,
                .advance = a->head_dim * TILE_INPUTS};
        sum_bytes(panels, 2, a->weights, steps, a->weights, sums);
        for (int j = 0; j < 2; j++) {
            __m512i r[16];
            for (int d = 0; d < 16; d++) {
                const int32_t *from = sums + j * 2 * SUMS + d * TILE_TOKENS;
                __m512 value = joined_exactly(_mm512_load_si512(from), _mm512_load_si512(from + SUMS));
                r[d] = _mm512_castps_si512(_mm512_mul_ps(value, factor));
            }
            transpose(r);
            for (int q = 0; q < TILE_TOKENS && q < rows; q++)
                _mm512_storeu_si512(out + (ptrdiff_t)q * stride + i + j * TILE_OUTPUTS, r[q]);
        }
    }
}

static void attend_with_tile(heads_t *a, const float *queries, int rows, int stride, int visible, float *out) {
    float scale[TILE_TOKENS];
    a->tokens = visible + rows - 1;
    for (int r = 0; r < TILE_TOKENS; r++)
        scale[r] = r < rows ? LARGEST_ROUNDED / largest_size(queries + (ptrdiff_t)r * stride, a->head_dim) : 1.0f;
    infill_pack_tile(queries, stride, rows, scale, &a->queries, 0);
    __m512 largest, total = weigh(a, visible, score_tile(a, visible, scale), &largest);
    mix_tile(a, total, largest, rows, out, stride);
}

void infill_block_attention(const float *queries, int rows, int stride, int heads, kv_rows_t keys, kv_rows_t values,
    int visible, int head_dim, void *workspace, float *out) {
    heads_t a;
    lay_out(workspace, visible + rows - 1, head_dim, &a);
    a.keys = keys;
    a.values = values;
    a.head_dim = head_dim;
    a.all = visible + rows - 1;
    prepare(&a);
    begin_sums(TILE_INPUTS);
    for (int h = 0; h < heads; h++)
        for (int first = 0; first < rows; first += TILE_TOKENS) {
            int count = rows - first < TILE_TOKENS ? rows - first : TILE_TOKENS;
            ptrdiff_t at = (ptrdiff_t)first * stride + h * head_dim;
            attend_with_tile(&a, queries + at, count, stride, visible + first, out + at);
        }
    end_sums();
}
#endif
