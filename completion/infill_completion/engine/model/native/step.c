/* Llama's forward pass on one core: weights, keys and values in 8 bits, float32 between the products.
 *
 * The same pass in torch is some two hundred calls of small operators, and these cost more than the arithmetic.  The
 * formulas are those of decoder.py; the weights, the tables and the KV cache are torch's own memory, which native.py
 * hands over.  All matrices are row-major.
 *
 * Each token is computed by the same instructions in the same order however many come with it, so that drafts, which are
 * checked several at once, and prompts, of which parts are read by several threads, give bit for bit what single steps
 * give.
 */
#include "attend.h"
#include "product.h"
#include "tile.h"

typedef struct {
    const float *input_norm, *post_norm; /* (hidden) */
    product_t qkv, out, gate_up, down;
} layer_t;

typedef struct { /* of a layer: (batch, kv_heads, room, width) and (batch, kv_heads, room) */
    kept_t keys, values;
} cache_t;

typedef struct {
    int32_t layers, hidden, heads, kv_heads, width, wide, tokens;
    float eps;
    const uint16_t *embed;   /* bfloat16, (tokens, hidden) */
    const float *cos, *sin;  /* (capacity, width), the first half of each row of sin negated */
    const float *norm;       /* (hidden) */
    const layer_t *layer;
    product_t head;
} model_t;

typedef struct { /* `batch` sequences of `length` tokens each that follow the first `start` of the cache */
    const model_t *model;
    const cache_t *cache; /* of each layer */
    int32_t room;         /* places of the cache */
    int32_t batch, length, start;
    int32_t shared, ways; /* whose the places from `start` on are, see fork.py; a single text: 0 and 1 */
    float *workspace;
} pass_t;

typedef struct { /* parts of the workspace; all rows, but of what comes and goes only MOST_ROWS */
    float *x;       /* the residual stream, (all rows, hidden) */
    float *queries; /* (all rows, heads * width) */
    float *y;       /* what goes into a product, (rows, most inputs) */
    float *z;       /* what comes out of one, (rows, most outputs) */
    float *seen;    /* of one head, see attend.h */
    int16_t *whole; /* what goes into a product as integers of 16 bits, (rows, most inputs) */
} work_t;

static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }
static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

/* Lay out the workspace and return the bytes it takes. */
static size_t lay_out(const pass_t *p, work_t *w) {
    const model_t *m = p->model;
    size_t all = (size_t)p->batch * p->length, rows = least(all, MOST_ROWS), mixed = m->heads * m->width;
    size_t y = rows * most(most(m->hidden, m->wide), mixed);
    size_t z = rows * most(m->hidden, most(mixed + 2 * m->kv_heads * m->width, 2 * m->wide));
    w->x = p->workspace;
    w->queries = w->x + all * m->hidden;
    w->y = w->queries + all * mixed;
    w->z = w->y + y;
    w->seen = w->z + z;
    w->whole = (int16_t *)(w->seen + infill_attend_room(p->room));
    return (char *)(w->whole + y) - (char *)p->workspace;
}

size_t infill_workspace_bytes(const pass_t *p) {
    work_t w;
    return lay_out(p, &w);
}

static inline float sum_of_products(const float *a, const float *b, int n) {
    float lanes[LANES] = {0}, rest = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += a[i + lane] * b[i + lane];
    for (; i < n; i++) rest += a[i] * b[i];
    return sum_of_lanes(lanes) + rest;
}

static void rms_norm(const float *restrict x, const float *restrict weight, int n, float eps, float *restrict y) {
    float scale = 1.0f / sqrtf(sum_of_products(x, x, n) / (float)n + eps);
    for (int i = 0; i < n; i++) y[i] = x[i] * scale * weight[i];
}

static void rotate(float *restrict x, const float *restrict cosine, const float *restrict sine, int width) {
    int half = width / 2;
    for (int i = 0; i < half; i++) {
        float low = x[i], high = x[i + half];
        x[i] = low * cosine[i] + high * sine[i];
        x[i + half] = high * cosine[i + half] + low * sine[i + half];
    }
}

static seen_t seen_by(const pass_t *p, int row) {
    int at = p->start + row % p->length, own = (at - p->shared) / p->ways;
    return (seen_t){p->shared, at - own * p->ways, p->ways, p->shared + own + 1};
}

/* The part of a layer that belongs to a head of a row's sequence. */
static kept_t part_of(kept_t kept, const pass_t *p, int row, int head) {
    ptrdiff_t place = ((ptrdiff_t)(row / p->length) * p->model->kv_heads + head) * p->room;
    return (kept_t){kept.numbers + place * p->model->width, kept.scale + place};
}

/* silu(gate) * up */
static void gate(const float *restrict gates, const float *restrict ups, int n, float *restrict out) {
    for (int i = 0; i < n; i++) out[i] = gates[i] / (1.0f + exponential(-gates[i])) * ups[i];
}

/* Put a row of qkv where attention finds it: rotated, the query into the workspace, the rest into the cache. */
static void place(const pass_t *p, const work_t *w, const cache_t *cache, int row, float *qkv) {
    const model_t *m = p->model;
    int width = m->width, turned = m->heads + m->kv_heads, at = p->start + row % p->length;
    ptrdiff_t position = seen_by(p, row).count - 1;
    for (int h = 0; h < turned; h++)
        rotate(qkv + h * width, m->cos + position * width, m->sin + position * width, width);
    for (int h = 0; h < m->kv_heads; h++) {
        infill_keep(qkv + (m->heads + h) * width, width, part_of(cache->keys, p, row, h), at);
        infill_keep(qkv + (turned + h) * width, width, part_of(cache->values, p, row, h), at);
    }
    memcpy(w->queries + (ptrdiff_t)row * m->heads * width, qkv, m->heads * width * sizeof *qkv);
}

/* Add the product of y to the residual stream of some rows. */
static void add_product(const product_t *product, const work_t *w, int rows, float *restrict x) {
    infill_multiply(product, w->y, rows, w->whole, w->z);
    for (int i = 0; i < rows * product->outputs; i++) x[i] += w->z[i];
}

/* Embed the tokens.  Returns 0, or -1 for an id that is none. */
int infill_begin(const pass_t *p, const int64_t *ids) {
    const model_t *m = p->model;
    float *x = p->workspace;
    for (int r = 0; r < p->batch * p->length; r++) {
        if (ids[r] < 0 || ids[r] >= m->tokens) return -1;
        for (int i = 0; i < m->hidden; i++, x++) {
            /* bfloat16 is the upper half of a float32. */
            uint32_t bits = (uint32_t)m->embed[ids[r] * m->hidden + i] << 16;
            memcpy(x, &bits, sizeof bits);
        }
    }
    return 0;
}

/* Compute queries, keys and values of a layer. */
void infill_keep_layer(const pass_t *p, int l) {
    const model_t *m = p->model;
    const layer_t *layer = m->layer + l;
    int all = p->batch * p->length, size = layer->qkv.outputs;
    work_t w;
    lay_out(p, &w);
    for (int first = 0; first < all; first += MOST_ROWS) {
        int rows = least(all - first, MOST_ROWS);
        const float *x = w.x + (ptrdiff_t)first * m->hidden;
        for (int r = 0; r < rows; r++)
            rms_norm(x + r * m->hidden, layer->input_norm, m->hidden, m->eps, w.y + r * m->hidden);
        infill_multiply(&layer->qkv, w.y, rows, w.whole, w.z);
        for (int r = 0; r < rows; r++) place(p, &w, p->cache + l, first + r, w.z + (ptrdiff_t)r * size);
    }
}

/* Compute the rest of a layer, when the keys and values of all that is seen are there. */
void infill_mix_layer(const pass_t *p, int l) {
    const model_t *m = p->model;
    const layer_t *layer = m->layer + l;
    int all = p->batch * p->length, group = m->heads / m->kv_heads, mixed = m->heads * m->width;
    work_t w;
    lay_out(p, &w);
    for (int first = 0; first < all; first += MOST_ROWS) {
        int rows = least(all - first, MOST_ROWS);
        float *x = w.x + (ptrdiff_t)first * m->hidden;
        for (int h = 0; h < m->heads; h++)
            for (int r = 0; r < rows; r++) {
                seen_t seen = seen_by(p, first + r);
                kept_t keys = part_of(p->cache[l].keys, p, first + r, h / group);
                kept_t values = part_of(p->cache[l].values, p, first + r, h / group);
                const float *query = w.queries + (ptrdiff_t)(first + r) * mixed + h * m->width;
                infill_attend(query, keys, values, &seen, m->width, w.seen, w.y + r * mixed + h * m->width);
            }
        add_product(&layer->out, &w, rows, x);
        for (int r = 0; r < rows; r++)
            rms_norm(x + r * m->hidden, layer->post_norm, m->hidden, m->eps, w.y + r * m->hidden);
        infill_multiply(&layer->gate_up, w.y, rows, w.whole, w.z);
        for (int r = 0; r < rows; r++)
            gate(w.z + r * 2 * m->wide, w.z + (r * 2 + 1) * m->wide, m->wide, w.y + r * m->wide);
        add_product(&layer->down, &w, rows, x);
    }
}

void infill_layers(const pass_t *p) {
    for (int l = 0; l < p->model->layers; l++) {
        infill_keep_layer(p, l);
        infill_mix_layer(p, l);
    }
}

/* Compute the logits: (batch * length, head.outputs) with all_logits, else (batch, head.outputs) of the last tokens. */
void infill_end(const pass_t *p, int all_logits, float *logits) {
    const model_t *m = p->model;
    int count = all_logits ? p->batch * p->length : p->batch;
    work_t w;
    lay_out(p, &w);
    for (int first = 0; first < count; first += MOST_ROWS) {
        int rows = least(count - first, MOST_ROWS);
        for (int r = 0; r < rows; r++) {
            ptrdiff_t row = all_logits ? first + r : (first + r + 1) * p->length - 1;
            rms_norm(w.x + row * m->hidden, m->norm, m->hidden, m->eps, w.y + r * m->hidden);
        }
        infill_multiply(&m->head, w.y, rows, w.whole, logits + (ptrdiff_t)first * m->head.outputs);
    }
}

/* All of it in one go. */
int infill_step(const pass_t *p, const int64_t *ids, int all_logits, float *logits) {
    if (infill_begin(p, ids)) return -1;
    infill_layers(p);
    infill_end(p, all_logits, logits);
    return 0;
}
