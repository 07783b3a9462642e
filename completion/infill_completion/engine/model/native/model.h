/* The structures to which structs.py passes pointers. */
#pragma once
#include "attention.h"
#include "linear.h"

typedef struct { /* (hidden) each; with a bias a LayerNorm, without one a norm of the root mean square */
    const float *weight, *bias;
} norm_t;

typedef struct {
    norm_t input_norm, post_norm;
    const float *query_norm, *key_norm; /* (head_dim), of each head before it is rotated (Qwen3); NULL for none */
    linear_t qkv, out, gate_up, down;   /* without a gate, gate_up has the rows of up only */
} layer_t;

typedef struct { /* of a layer: numbers (batch, kv_heads, capacity, head_dim), scales (batch, kv_heads, capacity) */
    kv_rows_t keys, values;
} cache_t;

typedef struct {
    int32_t layers, hidden, heads, kv_heads, head_dim, intermediate, tokens;
    int32_t is_gated; /* else the feed-forward part has GELU (StarCoder2) */
    float eps;
    float embed_factor, query_factor, residual_factor; /* 1, other than in Granite */
    const void *embed;      /* (tokens, hidden): bfloat16, or with embed_scale the 8-bit rows of a tied head */
    const float *embed_scale; /* (tokens), or NULL */
    const float *cos, *sin; /* (positions, head_dim), the first half of each row of sin negated */
    norm_t norm;
    const layer_t *layer;
    linear_t head;
} model_t;

typedef struct { /* `batch` sequences of `length` tokens each that follow the first `start` of the cache */
    const model_t *model;
    const cache_t *cache; /* of each layer */
    int32_t capacity;     /* tokens that the cache can hold */
    int32_t batch, length, start;
    int32_t shared, ways; /* how candidates share the cache, see fork.py; a single text: 0 and 1 */
    float *workspace;
    int32_t threads; /* that share products and attention */
} pass_t;
