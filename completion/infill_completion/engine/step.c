/* Llama's forward pass for a few tokens on one core: weights, keys and values in 8 bits, float32 between the products.
 *
 * The same pass in torch is some two hundred calls of small operators, and these cost more than the arithmetic.  The
 * formulas are those of decoder.py; the weights, the tables and the KV cache are torch's own memory, which native.py
 * hands over.  All matrices are row-major.
 *
 * Each token is computed by the same instructions in the same order however many come with it, so that drafts, which
 * are checked several at once, give bit for bit what single steps give.
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

typedef struct { /* parts of the workspace */
    float *x;       /* the residual stream, (rows, hidden) */
    float *y;       /* what goes into a product, (rows, most inputs) */
    float *z;       /* what comes out of one, (rows, most of qkv and gate_up) */
    float *seen;    /* of one head, see attend.h */
    int16_t *whole; /* what goes into a product as integers of 16 bits, (rows, most inputs) */
} work_t;

static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }

/* Lay out the workspace and return the bytes it takes. */
static size_t lay_out(const model_t *m, int rows, int room, float *start, work_t *work) {
    int32_t mixed = m->heads * m->width, qkv = mixed + 2 * m->kv_heads * m->width;
    size_t x = (size_t)rows * m->hidden, y = (size_t)rows * most(most(m->hidden, m->wide), mixed);
    size_t z = (size_t)rows * most(qkv, 2 * m->wide), seen = infill_attend_room(room);
    *work = (work_t){start, start + x, start + x + y, start + x + y + z, (int16_t *)(start + x + y + z + seen)};
    return (x + y + z + seen) * sizeof(float) + y * sizeof(int16_t);
}

size_t infill_workspace_bytes(const model_t *m, int rows, int room) {
    work_t work;
    float start;
    return lay_out(m, rows, room, &start, &work);
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

static seen_t seen_from(int at, int shared, int ways) {
    int own = (at - shared) / ways;
    return (seen_t){shared, at - own * ways, ways, shared + own + 1};
}

/* The part of a layer that belongs to a head of a sequence. */
static kept_t part_of(kept_t kept, const model_t *m, int sequence, int head, int room) {
    ptrdiff_t place = ((ptrdiff_t)sequence * m->kv_heads + head) * room;
    return (kept_t){kept.numbers + place * m->width, kept.scale + place};
}

/* Rotate queries and keys of all rows, and put keys and values into the cache. */
static void place(const model_t *m, const work_t *w, int rows, int length, int start, const seen_t *seen,
                  const cache_t *cache, int room) {
    int width = m->width, turned = m->heads + m->kv_heads, all = turned + m->kv_heads;
    for (int r = 0; r < rows; r++) {
        float *row = w->z + (ptrdiff_t)r * all * width;
        int at = start + r % length, position = seen[r % length].count - 1;
        const float *cosine = m->cos + position * width, *sine = m->sin + position * width;
        for (int h = 0; h < turned; h++) rotate(row + h * width, cosine, sine, width);
        for (int h = 0; h < m->kv_heads; h++) {
            infill_keep(row + (m->heads + h) * width, width, part_of(cache->keys, m, r / length, h, room), at);
            infill_keep(row + (turned + h) * width, width, part_of(cache->values, m, r / length, h, room), at);
        }
    }
}

static void mix(const model_t *m, const work_t *w, int rows, int length, const seen_t *seen, const cache_t *cache,
                int room) {
    int width = m->width, all = m->heads + 2 * m->kv_heads, group = m->heads / m->kv_heads;
    for (int r = 0; r < rows; r++)
        for (int h = 0; h < m->heads; h++)
            infill_attend(w->z + ((ptrdiff_t)r * all + h) * width, part_of(cache->keys, m, r / length, h / group, room),
                          part_of(cache->values, m, r / length, h / group, room), seen + r % length, width, w->seen,
                          w->y + ((ptrdiff_t)r * m->heads + h) * width);
}

/* silu(gate) * up */
static void gate(const float *restrict gates, const float *restrict ups, int n, float *restrict out) {
    for (int i = 0; i < n; i++) out[i] = gates[i] / (1.0f + exponential(-gates[i])) * ups[i];
}

static void add(float *restrict x, const float *restrict y, int n) {
    for (int i = 0; i < n; i++) x[i] += y[i];
}

/* Run `batch` sequences of `length` tokens that follow the first `start` of the cache, at most MOST_ROWS together.
 *
 * shared, ways: whose the places from `start` on are, see fork.py; a single text shares 0 places and has 1 way.
 * cache: of each layer, with room for so many places.
 * logits: (batch * length, head.outputs) with all_logits, else (batch, head.outputs) of the last tokens.
 * Returns 0, or -1 for an id that is none. */
int infill_step(const model_t *m, const int64_t *ids, int batch, int length, int start, int shared, int ways,
                const cache_t *cache, int room, int all_logits, float *workspace, float *logits) {
    int rows = batch * length, hidden = m->hidden;
    seen_t seen[MOST_ROWS];
    work_t w;
    for (int r = 0; r < length; r++) seen[r] = seen_from(start + r, shared, ways);
    lay_out(m, rows, room, workspace, &w);
    for (int r = 0; r < rows; r++) {
        if (ids[r] < 0 || ids[r] >= m->tokens) return -1;
        for (int i = 0; i < hidden; i++) {
            uint32_t bits = (uint32_t)m->embed[ids[r] * hidden + i] << 16;
            memcpy(w.x + r * hidden + i, &bits, sizeof bits);
        }
    }
    for (int l = 0; l < m->layers; l++) {
        const layer_t *layer = m->layer + l;
        for (int r = 0; r < rows; r++) rms_norm(w.x + r * hidden, layer->input_norm, hidden, m->eps, w.y + r * hidden);
        infill_multiply(&layer->qkv, w.y, rows, w.whole, w.z);
        place(m, &w, rows, length, start, seen, cache + l, room);
        mix(m, &w, rows, length, seen, cache + l, room);
        infill_multiply(&layer->out, w.y, rows, w.whole, w.z);
        add(w.x, w.z, rows * hidden);
        for (int r = 0; r < rows; r++) rms_norm(w.x + r * hidden, layer->post_norm, hidden, m->eps, w.y + r * hidden);
        infill_multiply(&layer->gate_up, w.y, rows, w.whole, w.z);
        for (int r = 0; r < rows; r++)
            gate(w.z + r * 2 * m->wide, w.z + (r * 2 + 1) * m->wide, m->wide, w.y + r * m->wide);
        infill_multiply(&layer->down, w.y, rows, w.whole, w.z);
        add(w.x, w.z, rows * hidden);
    }
    int wanted = 0;
    for (int r = 0; r < rows; r++)
        if (all_logits || r % length == length - 1)
            rms_norm(w.x + r * hidden, m->norm, hidden, m->eps, w.y + hidden * wanted++);
    infill_multiply(&m->head, w.y, wanted, w.whole, logits);
    return 0;
}
