/* Llama's forward pass for a few tokens on one core: 8-bit weights, keys and values in
 * bfloat16, float32 for everything else between the products.
 *
 * The same pass in torch is some two hundred calls of small operators, and these cost more than the arithmetic.  The
 * formulas are those of decoder.py; the weights, the tables and the KV cache are torch's own memory, which native.py
 * hands over.  All matrices are row-major.
 *
 * Each token is computed by the same instructions in the same order however many come with it, so that drafts, which
 * are checked several at once, give bit for bit what single steps give.
 */
#include "product.h"
#include "tile.h"

#define KEYS_AHEAD 16384 /* bytes */
#define MOST_WIDTH 256 /* of a head */

typedef struct {
    const float *input_norm, *post_norm; /* (hidden) */
    product_t qkv, out, gate_up, down;
} layer_t;

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
    float *scores;  /* of one head, (length of the cache) */
    int16_t *whole; /* what goes into a product as integers of 16 bits, (rows, most inputs) */
} work_t;

static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }

/* Lay out the workspace and return the bytes it takes. */
static size_t lay_out(const model_t *m, int rows, int room, float *start, work_t *work) {
    int32_t mixed = m->heads * m->width, qkv = mixed + 2 * m->kv_heads * m->width;
    size_t x = (size_t)rows * m->hidden, y = (size_t)rows * most(most(m->hidden, m->wide), mixed);
    size_t z = (size_t)rows * most(qkv, 2 * m->wide);
    *work = (work_t){start, start + x, start + x + y, start + x + y + z, (int16_t *)(start + x + y + z + room)};
    return (x + y + z + room) * sizeof(float) + y * sizeof(int16_t);
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

/* bfloat16: the upper half of a float32. */
#define PAIRS (2 * LANES) /* halves in a vector */
typedef uint32_t bits_t __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef float lanes_t __attribute__((vector_size(LANES * sizeof(float))));

/* Of halves in memory, in pairs: the even ones and the odd ones as float32.  That takes fewer instructions than one after
 * the other. */
static inline lanes_t evens_of(const uint16_t *x) {
    bits_t bits;
    memcpy(&bits, x, sizeof bits);
    return (lanes_t)(bits << 16);
}

static inline lanes_t odds_of(const uint16_t *x) {
    bits_t bits;
    memcpy(&bits, x, sizeof bits);
    return (lanes_t)(bits & 0xffff0000);
}

/* To the nearest, ties to even, as torch rounds. */
static void round_to_halves(const float *restrict x, int n, uint16_t *restrict halves) {
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        halves[i] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}

#ifdef HAS_VNNI
static inline void sums_of(const lanes_t *x, float *sums) {
    sum_up((__m512)x[0], (__m512)x[1], (__m512)x[2], (__m512)x[3], sums);
}
#else
static inline void sums_of(const lanes_t *x, float *sums) {
    float lanes[LANES];
    for (int i = 0; i < TILE; i++) {
        memcpy(lanes, x + i, sizeof lanes);
        sums[i] = sum_of_lanes(lanes);
    }
}
#endif

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

/* What a token sees: the first `shared` places, and from `first` on every `ways`-th, `count` in all; see fork.py. */
typedef struct {
    int32_t shared, first, ways, count;
} seen_t;

static seen_t seen_from(int at, int shared, int ways) {
    int own = (at - shared) / ways;
    return (seen_t){shared, at - own * ways, ways, shared + own + 1};
}

static inline ptrdiff_t place_of(const seen_t *seen, int t) {
    return t < seen->shared ? t : seen->first + (ptrdiff_t)(t - seen->shared) * seen->ways;
}

/* Mix the values that one head sees; keys and values are (places, width). */
static inline __attribute__((always_inline)) void attend_to(
    const float *restrict query, const uint16_t *restrict keys, const uint16_t *restrict values, const seen_t *seen,
    int width, float *restrict scores, float *restrict out) {
    float scale = 1.0f / sqrtf((float)width), largest = -1e30f;
    int count = seen->count;
    lanes_t even[MOST_WIDTH / PAIRS], odd[MOST_WIDTH / PAIRS];
    for (int i = 0; i < width; i++) {
        if (i % 2) odd[i / PAIRS][i % PAIRS / 2] = query[i];
        else even[i / PAIRS][i % PAIRS / 2] = query[i];
    }
    for (int t = 0; t < count; t += TILE) {
        lanes_t sums[TILE] = {{0}};
        int some = count - t < TILE ? count - t : TILE;
        for (int k = 0; k < TILE; k++) {
            const uint16_t *key = keys + place_of(seen, k < some ? t + k : t) * width;
            fetch((const char *)key + KEYS_AHEAD, width * sizeof *key);
            for (int i = 0; i < width / PAIRS; i++) {
                sums[k] += even[i] * evens_of(key + i * PAIRS);
                sums[k] += odd[i] * odds_of(key + i * PAIRS);
            }
        }
        float four[TILE];
        sums_of(sums, four);
        for (int k = 0; k < some; k++) scores[t + k] = four[k] * scale;
    }
    for (int t = 0; t < count; t++) largest = scores[t] > largest ? scores[t] : largest;
    for (int t = 0; t < count; t++) scores[t] = exponential(scores[t] - largest);
    for (int i = 0; i < width / PAIRS; i++) even[i] = odd[i] = (lanes_t){0};
    for (int t = 0; t < count; t++) {
        const uint16_t *value = values + place_of(seen, t) * width;
        fetch((const char *)value + KEYS_AHEAD, width * sizeof *value);
        for (int i = 0; i < width / PAIRS; i++) {
            even[i] += scores[t] * evens_of(value + i * PAIRS);
            odd[i] += scores[t] * odds_of(value + i * PAIRS);
        }
    }
    float total = 1.0f / sum_of(scores, count);
    for (int i = 0; i < width; i++) out[i] = (i % 2 ? odd : even)[i / PAIRS][i % PAIRS / 2] * total;
}

static void attend(const float *query, const uint16_t *keys, const uint16_t *values, const seen_t *seen, int width,
                   float *scores, float *out) {
    switch (width) { /* the usual ones, as constants: the sums stay in registers */
        case 64: attend_to(query, keys, values, seen, 64, scores, out); return;
        case 128: attend_to(query, keys, values, seen, 128, scores, out); return;
        default: attend_to(query, keys, values, seen, width, scores, out);
    }
}

/* Rotate queries and keys of all rows, and write keys and values into the cache. */
static void place(const model_t *m, const work_t *w, int rows, int length, int start, const seen_t *seen,
                  uint16_t *keys, uint16_t *values, int room) {
    int width = m->width, turned = m->heads + m->kv_heads, all = turned + m->kv_heads;
    for (int r = 0; r < rows; r++) {
        float *row = w->z + (ptrdiff_t)r * all * width;
        int at = start + r % length, position = seen[r % length].count - 1;
        const float *cosine = m->cos + position * width, *sine = m->sin + position * width;
        for (int h = 0; h < turned; h++) rotate(row + h * width, cosine, sine, width);
        for (int h = 0; h < m->kv_heads; h++) {
            ptrdiff_t to = (((ptrdiff_t)(r / length) * m->kv_heads + h) * room + at) * width;
            round_to_halves(row + (m->heads + h) * width, width, keys + to);
            round_to_halves(row + (turned + h) * width, width, values + to);
        }
    }
}

static void mix(const model_t *m, const work_t *w, int rows, int length, const seen_t *seen,
                const uint16_t *keys, const uint16_t *values, int room) {
    int width = m->width, all = m->heads + 2 * m->kv_heads, group = m->heads / m->kv_heads;
    for (int r = 0; r < rows; r++)
        for (int h = 0; h < m->heads; h++) {
            ptrdiff_t from = ((ptrdiff_t)(r / length) * m->kv_heads + h / group) * room * width;
            attend(w->z + ((ptrdiff_t)r * all + h) * width, keys + from, values + from, seen + r % length, width,
                   w->scores, w->y + ((ptrdiff_t)r * m->heads + h) * width);
        }
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
 * keys, values: a pointer for each layer to (batch, kv_heads, room, width).
 * logits: (batch * length, head.outputs) with all_logits, else (batch, head.outputs) of the last tokens.
 * Returns 0, or -1 for an id that is none. */
int infill_step(const model_t *m, const int64_t *ids, int batch, int length, int start, int shared, int ways,
                uint16_t *const *keys, uint16_t *const *values, int room, int all_logits, float *workspace,
                float *logits) {
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
        place(m, &w, rows, length, start, seen, keys[l], values[l], room);
        mix(m, &w, rows, length, seen, keys[l], values[l], room);
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
