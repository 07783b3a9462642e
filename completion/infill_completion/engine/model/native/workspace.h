/* The memory of a pass. */
#pragma once
#include "blocks/blocks.h"
#include "model.h"
#include "tile.h"

/* Set by the tests with the address sanitizer: bytes after each part of the workspace that nothing may touch. */
#ifndef GUARD_BYTES
#define GUARD_BYTES 0
#else
#include <sanitizer/asan_interface.h>
#endif

typedef struct { /* parts of the workspace: x and queries for all rows, the rest for rows_at_once */
    float *x;         /* the residual stream, (all rows, hidden) */
    float *queries;   /* (all rows, heads * head_dim) */
    float *y;         /* input of a linear layer, (rows, most inputs) */
    float *columns;   /* input of the last layer of a block, (tiles of tokens, intermediate, TILE_TOKENS) */
    float *z;         /* output of a linear layer, (rows, most outputs) */
    float *attention; /* for heads or rows that are computed at once, see attention.h and blocks.h */
    int16_t *rounded; /* input of a linear layer as 16-bit integers, see linear.h and blocks.h */
} workspace_t;

static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

/* Return the next part of the workspace; NULL if there is none and only its size is counted. */
static void *take(const pass_t *p, size_t *used, size_t bytes) {
    char *part = p->workspace ? (char *)p->workspace + *used : NULL;
    bytes = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
#if GUARD_BYTES
    if (part) __asan_unpoison_memory_region(part, bytes);
    if (part) __asan_poison_memory_region(part + bytes, GUARD_BYTES);
#endif
    *used += bytes + GUARD_BYTES;
    return part;
}

/* Whether the rows of gates and of ups do not begin at groups of their own. */
static int has_odd_gates(const model_t *m) {
    return m->is_gated && m->layer->gate_up.groups && m->intermediate % GROUP_OUTPUTS;
}

/* Return how many rows go through a layer together. */
static int32_t rows_at_once(const pass_t *p) {
    int32_t block = infill_block_rows(), all = p->batch * p->length;
    return all > MAX_ROWS && block > 0 && !has_odd_gates(p->model) ? smaller(all, block) : smaller(all, MAX_ROWS);
}

/* Lay out the workspace and return its size in bytes. */
static size_t lay_out(const pass_t *p, workspace_t *w) {
    const model_t *m = p->model;
    size_t all = (size_t)p->batch * p->length, rows = rows_at_once(p), mixed = m->heads * m->head_dim, used = 0;
    int inputs = larger(larger(m->hidden, m->intermediate), (int)mixed);
    size_t y = (size_t)(rows > MAX_ROWS ? larger(m->hidden, (int)mixed) : inputs) * rows;
    size_t columns = rows > MAX_ROWS ? (size_t)tiles_of(rows) * TILE_TOKENS * m->intermediate : 0;
    size_t rounded = MAX_ROWS * infill_linear_row_bytes(inputs);
    size_t z = rows * larger(m->hidden, mixed + 2 * m->kv_heads * m->head_dim);
    size_t gates = (size_t)smaller(rows, MAX_ROWS) * 2 * m->intermediate;
    if (gates > z) z = gates;
    size_t attention = infill_attention_workspace(p->capacity) * sizeof *w->attention;
#ifdef BLOCKS
    if (rows > MAX_ROWS && infill_block_bytes(inputs, rows) > rounded) rounded = infill_block_bytes(inputs, rows);
    size_t block_attention = infill_block_attention_bytes(p->start + p->length, m->head_dim);
    if (rows > MAX_ROWS && block_attention > attention) attention = block_attention;
#endif
    w->x = take(p, &used, all * m->hidden * sizeof *w->x);
    w->queries = take(p, &used, all * mixed * sizeof *w->queries);
    w->y = take(p, &used, y * sizeof *w->y);
    w->columns = take(p, &used, columns * sizeof *w->columns);
    w->z = take(p, &used, z * sizeof *w->z);
    w->attention = take(p, &used, attention);
    w->rounded = take(p, &used, rounded);
    return used;
}
