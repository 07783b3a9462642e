/* Attention of one token over keys and values that are 8-bit integers with a scale for each token and head. */
#pragma once
#include <stdint.h>

#define MAX_HEAD_DIM 256

typedef struct { /* keys or values of a head */
    int8_t *numbers; /* (capacity, head_dim) */
    float *scale;    /* (capacity) */
} kv_rows_t;

/* The tokens of the cache that a token sees: the first `shared`, and from index `first` on every `stride`-th one, `count`
 * in all; see fork.py. */
typedef struct {
    int32_t shared, first, stride, count;
} visible_t;

/* Round a row (head_dim) to 8 bits and store it at an index of the cache. */
void infill_store(const float *x, int head_dim, kv_rows_t to, int index);

/* Return how many float32 of workspace infill_attention needs for that many tokens. */
int infill_attention_workspace(int tokens);

/* Attend with a query (head_dim) to the visible tokens and write the mixed values to out (head_dim). */
void infill_attention(const float *query, kv_rows_t keys, kv_rows_t values, const visible_t *visible, int head_dim,
    float *workspace, float *out);

/* The same for neighbouring heads that share keys and values; queries and out: (heads, head_dim). */
void infill_attention_of_heads(const float *queries, int heads, kv_rows_t keys, kv_rows_t values,
    const visible_t *visible, int head_dim, float *workspace, float *out);
