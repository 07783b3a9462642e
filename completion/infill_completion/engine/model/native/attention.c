#include "products.h"
#include <float.h>

void infill_store(const float *restrict x, int head_dim, kv_rows_t to, int index) {
    float largest = largest_size(x, head_dim), scale = 127.0f / largest;
    int8_t *restrict numbers = to.numbers + (ptrdiff_t)index * head_dim;
    for (int i = 0; i < head_dim; i++) numbers[i] = (int8_t)(int32_t)rintf(x[i] * scale);
    to.scale[index] = largest / 127.0f;
}

int infill_attention_workspace(int tokens) {
#ifdef HEADS_AT_ONCE
    return 2 * HEADS_AT_ONCE * padded(tokens);
#else
    return 2 * padded(tokens);
#endif
}

/* Write the products of a query with the visible keys. */
ALWAYS_INLINE void score_any(
    const float *query, kv_rows_t keys, const visible_t *visible, const int head_dim, float *scores) {
    int16_t rounded[MAX_HEAD_DIM];
    float scale = round_to_16_bits(query, head_dim, rounded);
    for (int t = 0; t < visible->count; t++) {
        const int8_t *key = row_of(keys, visible, t, head_dim);
        int32_t sum = 0;
        for (int i = 0; i < head_dim; i++) sum += (int16_t)key[i] * rounded[i];
        scores[t] = (float)sum;
    }
    multiply_by_scales(scores, keys.scale, 1.0f / (scale * sqrtf((float)head_dim)), visible);
}

/* Write the sum of the visible values by weight, times a factor.  workspace: for count 16-bit integers. */
ALWAYS_INLINE void mix_any(const float *weights, kv_rows_t values, const visible_t *visible, const int head_dim,
    void *workspace, float factor, float *out) {
    int16_t *rounded = workspace;
    double totals[MAX_HEAD_DIM] = {0};
    float scale = round_to_16_bits(weights, visible->count, rounded);
    for (int start = 0; start < visible->count; start += EXACT_PRODUCTS) {
        int end = start + EXACT_PRODUCTS < visible->count ? start + EXACT_PRODUCTS : visible->count;
        int32_t sums[MAX_HEAD_DIM] = {0};
        for (int t = start; t < end; t++) {
            const int8_t *value = row_of(values, visible, t, head_dim);
            for (int i = 0; i < head_dim; i++) sums[i] += (int16_t)value[i] * rounded[t];
        }
        for (int i = 0; i < head_dim; i++) totals[i] += sums[i];
    }
    for (int i = 0; i < head_dim; i++) out[i] = (float)totals[i] * (factor / scale);
}

/* Turn scores into weights times the scales of the values, and return one over the sum of the weights. */
static float weigh(float *scores, kv_rows_t values, const visible_t *visible) {
    int count = visible->count;
    float largest = -FLT_MAX;
    for (int t = 0; t < count; t++) largest = scores[t] > largest ? scores[t] : largest;
    for (int t = 0; t < count; t++) scores[t] = exponential(scores[t] - largest);
    float total = sum_of(scores, count);
    multiply_by_scales(scores, values.scale, 1.0f, visible);
    return 1.0f / total;
}

ALWAYS_INLINE void attend_any(const float *query, kv_rows_t keys, kv_rows_t values, const visible_t *visible,
    const int head_dim, float *workspace, float *out) {
    score_any(query, keys, visible, head_dim, workspace);
    float factor = weigh(workspace, values, visible);
    mix_any(workspace, values, visible, head_dim, workspace + padded(visible->count), factor, out);
}

#ifdef HEADS_AT_ONCE
ALWAYS_INLINE void attend_heads(const float *queries, const int heads, kv_rows_t keys, kv_rows_t values,
    const visible_t *visible, const int head_dim, float *workspace, float *out) {
    int all = padded(visible->count);
    float factors[HEADS_AT_ONCE];
    score(queries, heads, keys, visible, head_dim, workspace);
    for (int h = 0; h < heads; h++) factors[h] = weigh(workspace + h * all, values, visible);
    mix(workspace, heads, values, visible, head_dim, workspace + heads * all, factors, out);
}

ALWAYS_INLINE void attend(const float *queries, int heads, kv_rows_t keys, kv_rows_t values, const visible_t *visible,
    const int head_dim, float *workspace, float *out) {
    if (head_dim % FAST_HEAD_DIM) {
        for (int h = 0; h < heads; h++, queries += head_dim, out += head_dim)
            attend_any(queries, keys, values, visible, head_dim, workspace, out);
        return;
    }
    for (int left = heads, some; left > 0; left -= some, queries += some * head_dim, out += some * head_dim) {
        some = left == 4 ? 2 : left < HEADS_AT_ONCE ? left : HEADS_AT_ONCE;
        switch (some) { /* as constants: the sums stay in registers */
            case 1: attend_heads(queries, 1, keys, values, visible, head_dim, workspace, out); break;
            case 2: attend_heads(queries, 2, keys, values, visible, head_dim, workspace, out); break;
            default: attend_heads(queries, 3, keys, values, visible, head_dim, workspace, out);
        }
    }
}
#else
ALWAYS_INLINE void attend(const float *queries, int heads, kv_rows_t keys, kv_rows_t values, const visible_t *visible,
    const int head_dim, float *workspace, float *out) {
    for (int h = 0; h < heads; h++, queries += head_dim, out += head_dim) {
#ifdef FAST_HEAD_DIM
        if (head_dim % FAST_HEAD_DIM == 0) {
            score(queries, keys, visible, head_dim, workspace);
            float factor = weigh(workspace, values, visible);
            mix(workspace, values, visible, head_dim, workspace + padded(visible->count), factor, out);
            continue;
        }
#endif
        attend_any(queries, keys, values, visible, head_dim, workspace, out);
    }
}
#endif

void infill_attention_of_heads(const float *queries, int heads, kv_rows_t keys, kv_rows_t values,
    const visible_t *visible, int head_dim, float *workspace, float *out) {
    switch (head_dim) { /* the usual ones as constants: the sums stay in registers */
        case 64: attend(queries, heads, keys, values, visible, 64, workspace, out); return;
        case 128: attend(queries, heads, keys, values, visible, 128, workspace, out); return;
        default: attend(queries, heads, keys, values, visible, head_dim, workspace, out);
    }
}

void infill_attention(const float *query, kv_rows_t keys, kv_rows_t values, const visible_t *visible, int head_dim,
    float *workspace, float *out) {
    infill_attention_of_heads(query, 1, keys, values, visible, head_dim, workspace, out);
}
