#include "products.h"

void infill_store(const float *restrict x, int head_dim, kv_rows_t to, int index) {
    float largest = largest_size(x, head_dim), scale = 127.0f / largest;
    int8_t *restrict numbers = to.numbers + (ptrdiff_t)index * head_dim;
    for (int i = 0; i < head_dim; i++) numbers[i] = (int8_t)(int32_t)rintf(x[i] * scale);
    to.scale[index] = largest / 127.0f;
}

int infill_attention_workspace(int tokens) { return 2 * padded(tokens); }

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

ALWAYS_INLINE void attend(const float *query, kv_rows_t keys, kv_rows_t values, const visible_t *visible,
    const int head_dim, float *workspace, float *out) {
    int count = visible->count;
    float *scores = workspace, largest = -INFINITY;
#ifdef FAST_HEAD_DIM
    const int is_fast = head_dim % FAST_HEAD_DIM == 0;
    if (is_fast)
        score(query, keys, visible, head_dim, scores);
    else
#endif
        score_any(query, keys, visible, head_dim, scores);
    for (int t = 0; t < count; t++) largest = scores[t] > largest ? scores[t] : largest;
    for (int t = 0; t < count; t++) scores[t] = exponential(scores[t] - largest);
    float total = sum_of(scores, count);
    multiply_by_scales(scores, values.scale, 1.0f, visible);
#ifdef FAST_HEAD_DIM
    if (is_fast)
        mix(scores, values, visible, head_dim, workspace + padded(count), 1.0f / total, out);
    else
#endif
        mix_any(scores, values, visible, head_dim, workspace + padded(count), 1.0f / total, out);
}

void infill_attention(const float *query, kv_rows_t keys, kv_rows_t values, const visible_t *visible, int head_dim,
    float *workspace, float *out) {
    switch (head_dim) { /* the usual ones as constants: the sums stay in registers */
        case 64: attend(query, keys, values, visible, 64, workspace, out); return;
        case 128: attend(query, keys, values, visible, 128, workspace, out); return;
        default: attend(query, keys, values, visible, head_dim, workspace, out);
    }
}
