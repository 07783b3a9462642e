/* The forward pass of Llama and its relatives on a CPU: weights in 8 or 4 bits, keys and values in 8, float32 between
 * the matrix products.
 *
 * In torch the same pass takes about two hundred calls of small operators, which cost more than the arithmetic.  The
 * formulas are those of decoder.py; the weights, the rotary tables and the KV cache are torch's own memory, to which
 * structs.py passes pointers.  All matrices are row-major.
 *
 * Each token is computed by the same instructions in the same order, however many tokens there are.  So several drafts
 * checked at once, and prompts read in parts by several threads, give bit for bit the results of single steps.
 */
#include "attention.h"
#include "blocks/blocks.h"
#include "model.h"
#include "norms.h"
#include "threads/pool.h"
#include "tile.h"
#include "workspace.h"

size_t infill_workspace_bytes(const pass_t *p) {
    pass_t without = *p;
    workspace_t w;
    without.workspace = NULL;
    return lay_out(&without, &w);
}

static visible_t visible_to(const pass_t *p, int row) {
    int at = p->start + row % p->length, own = (at - p->shared) / p->ways;
    return (visible_t){p->shared, at - own * p->ways, p->ways, p->shared + own + 1};
}

/* The keys or values of a layer that belong to a head of the row's sequence. */
static kv_rows_t rows_of(kv_rows_t layer, const pass_t *p, int row, int head) {
    ptrdiff_t first = ((ptrdiff_t)(row / p->length) * p->model->kv_heads + head) * p->capacity;
    return (kv_rows_t){layer.numbers + first * p->model->head_dim, layer.scale + first};
}

/* Rotate a row of qkv and store it for attention: the queries in the workspace, keys and values in the cache. */
static void store_qkv(const pass_t *p, const workspace_t *w, int l, int row, float *qkv) {
    const model_t *m = p->model;
    const layer_t *layer = m->layer + l;
    const cache_t *cache = p->cache + l;
    int head_dim = m->head_dim, turned = m->heads + m->kv_heads, at = p->start + row % p->length;
    ptrdiff_t position = visible_to(p, row).count - 1;
    for (int h = 0; layer->query_norm && h < turned; h++)
        rms_norm(qkv + h * head_dim, h < m->heads ? layer->query_norm : layer->key_norm, head_dim, m->eps,
            qkv + h * head_dim);
    for (int h = 0; h < turned; h++)
        rotate(qkv + h * head_dim, m->cos + position * head_dim, m->sin + position * head_dim, head_dim);
    for (int h = 0; h < m->kv_heads; h++) {
        infill_store(qkv + (m->heads + h) * head_dim, head_dim, rows_of(cache->keys, p, row, h), at);
        infill_store(qkv + (turned + h) * head_dim, head_dim, rows_of(cache->values, p, row, h), at);
    }
    float *queries = w->queries + (ptrdiff_t)row * m->heads * head_dim;
    for (int i = 0; i < m->heads * head_dim; i++) queries[i] = qkv[i] * m->query_factor;
}

/* Write the output of a linear layer for y to z. */
static void run_linear(const linear_t *linear, const workspace_t *w, int rows, int threads) {
#ifdef BLOCKS
    if (rows > MAX_ROWS) {
        infill_block_linear(linear, w->y, rows, w->rounded, w->z);
        return;
    }
#endif
    infill_linear_shared(linear, w->y, rows, w->rounded, threads, w->z);
}

/* Add z times a factor to the residual stream of some rows. */
static void add_output(const workspace_t *w, int rows, int hidden, float factor, float *restrict x) {
    for (int i = 0; i < rows * hidden; i++) x[i] += w->z[i] * factor;
}

/* Write the output of the feed-forward part for y to z. */
static void feed_forward(const model_t *m, const layer_t *layer, const workspace_t *w, int rows, int threads) {
#ifdef BLOCKS
    if (rows > MAX_ROWS) {
        infill_block_gated(&layer->gate_up, m->is_gated, w->y, rows, w->rounded, w->columns);
        infill_block_linear_of_columns(&layer->down, w->columns, rows, w->rounded, w->z);
        return;
    }
#endif
    infill_linear_shared(&layer->gate_up, w->y, rows, w->rounded, threads, w->z);
    for (int r = 0; r < rows; r++) {
        const float *z = w->z + (ptrdiff_t)r * layer->gate_up.outputs;
        if (m->is_gated)
            gate(z, z + m->intermediate, m->intermediate, w->y + r * m->intermediate);
        else
            gelu(z, m->intermediate, w->y + r * m->intermediate);
    }
    infill_linear_shared(&layer->down, w->y, rows, w->rounded, threads, w->z);
}

/* Write the row of a token, (hidden). */
static void embed(const model_t *m, int64_t id, float *restrict x) {
    if (m->embed_scale) {
        const int8_t *row = (const int8_t *)m->embed + id * m->hidden;
        for (int i = 0; i < m->hidden; i++) x[i] = (float)row[i] * m->embed_scale[id] * m->embed_factor;
        return;
    }
    const uint16_t *row = (const uint16_t *)m->embed + id * m->hidden;
    for (int i = 0; i < m->hidden; i++) {
        uint32_t bits = (uint32_t)row[i] << 16; /* bfloat16 is the upper half of a float32 */
        memcpy(x + i, &bits, sizeof bits);
        x[i] *= m->embed_factor;
    }
}

/* Embed the tokens.  Returns 0, or -1 for an id outside of the vocabulary. */
int infill_embed(const pass_t *p, const int64_t *ids) {
    const model_t *m = p->model;
    workspace_t w;
    lay_out(p, &w);
    for (int r = 0; r < p->batch * p->length; r++) {
        if (ids[r] < 0 || ids[r] >= m->tokens) return -1;
        embed(m, ids[r], w.x + (ptrdiff_t)r * m->hidden);
    }
    return 0;
}

/* Compute the queries, keys and values of a layer. */
void infill_layer_kv(const pass_t *p, int l) {
    const model_t *m = p->model;
    const layer_t *layer = m->layer + l;
    int all = p->batch * p->length, size = layer->qkv.outputs, at_once = rows_at_once(p);
    workspace_t w;
    lay_out(p, &w);
    for (int first = 0; first < all; first += at_once) {
        int rows = smaller(all - first, at_once);
        const float *x = w.x + (ptrdiff_t)first * m->hidden;
        for (int r = 0; r < rows; r++) normalize(m, x + r * m->hidden, layer->input_norm, w.y + r * m->hidden);
        run_linear(&layer->qkv, &w, rows, p->threads);
        for (int r = 0; r < rows; r++) store_qkv(p, &w, l, first + r, w.z + (ptrdiff_t)r * size);
    }
}

typedef struct { /* attention of some rows */
    pass_t pass;
    const float *queries; /* (rows, heads * head_dim) */
    int layer, first, rows, heads_at_once;
} attention_t;

/* Compute some groups of heads of all rows. */
static void attend_with_heads(const void *context, int first_item, int last_item, float *scratch, float *y) {
    const attention_t *a = context;
    const pass_t *p = &a->pass;
    const model_t *m = p->model;
    const cache_t *cache = p->cache + a->layer;
    int group = m->heads / m->kv_heads, mixed = m->heads * m->head_dim, end = last_item * a->heads_at_once;
    for (int h = first_item * a->heads_at_once; h < end; h += a->heads_at_once)
        for (int r = 0; r < a->rows; r++) {
            visible_t visible = visible_to(p, a->first + r);
            kv_rows_t keys = rows_of(cache->keys, p, a->first + r, h / group);
            kv_rows_t values = rows_of(cache->values, p, a->first + r, h / group);
            ptrdiff_t at = (ptrdiff_t)r * mixed + h * m->head_dim;
            infill_attention_of_heads(
                a->queries + at, a->heads_at_once, keys, values, &visible, m->head_dim, scratch, y + at);
        }
}

/* How many heads of a group to compute at once: all save half of the work, but every thread should have some. */
static int heads_at_once(const model_t *m, int threads) {
    int group = m->heads / m->kv_heads, best = 1, least = 0;
    for (int heads = 1; heads <= group; heads++) {
        int turns = (m->heads / heads + threads - 1) / threads, work = turns * (1 + heads);
        if (group % heads) continue;
        if (!least || work <= least) {
            best = heads;
            least = work;
        }
    }
    return best;
}

#ifdef BLOCKS
/* Attend with all heads of some rows, those of each sequence together. */
static void attend_in_blocks(const pass_t *p, const workspace_t *w, int l, int first, int rows) {
    const model_t *m = p->model;
    int group = m->heads / m->kv_heads, mixed = m->heads * m->head_dim;
    for (int r = first, count; r < first + rows; r += count) {
        count = smaller(p->length - r % p->length, first + rows - r);
        for (int h = 0; h < m->kv_heads; h++) {
            kv_rows_t keys = rows_of(p->cache[l].keys, p, r, h), values = rows_of(p->cache[l].values, p, r, h);
            int at = h * group * m->head_dim;
            infill_block_attention(w->queries + (ptrdiff_t)r * mixed + at, count, mixed, group, keys, values,
                visible_to(p, r).count, m->head_dim, w->attention, w->y + (ptrdiff_t)(r - first) * mixed + at);
        }
    }
}
#endif

static void attend(const pass_t *p, const workspace_t *w, int l, int first, int rows) {
#ifdef BLOCKS
    if (rows > MAX_ROWS && p->ways == 1 && infill_block_attends(p->model->head_dim)) {
        attend_in_blocks(p, w, l, first, rows);
        return;
    }
#endif
    const model_t *m = p->model;
    int mixed = m->heads * m->head_dim, heads = heads_at_once(m, p->threads);
    attention_t attention = {*p, w->queries + (ptrdiff_t)first * mixed, l, first, rows, heads};
    job_t job = {attend_with_heads, m->heads / heads, heads * m->head_dim, rows, mixed, 1,
        infill_attention_workspace(p->capacity), {0}};
    _Static_assert(sizeof attention <= sizeof job.context, "");
    memcpy(job.context, &attention, sizeof attention);
    infill_share(&job, p->threads, w->attention, w->y);
}

/* Compute the rest of a layer, after the keys and values of all visible tokens are stored. */
void infill_layer_output(const pass_t *p, int l) {
    const model_t *m = p->model;
    const layer_t *layer = m->layer + l;
    int all = p->batch * p->length, at_once = rows_at_once(p);
    workspace_t w;
    lay_out(p, &w);
    for (int first = 0; first < all; first += at_once) {
        int rows = smaller(all - first, at_once);
        float *x = w.x + (ptrdiff_t)first * m->hidden;
        attend(p, &w, l, first, rows);
        run_linear(&layer->out, &w, rows, p->threads);
        add_output(&w, rows, m->hidden, m->residual_factor, x);
        for (int r = 0; r < rows; r++) normalize(m, x + r * m->hidden, layer->post_norm, w.y + r * m->hidden);
        feed_forward(m, layer, &w, rows, p->threads);
        add_output(&w, rows, m->hidden, m->residual_factor, x);
    }
}

void infill_layers(const pass_t *p) {
    for (int l = 0; l < p->model->layers; l++) {
        infill_layer_kv(p, l);
        infill_layer_output(p, l);
    }
}

/* Compute the logits: (batch * length, head.outputs) with all_logits, else (batch, head.outputs) for the last tokens. */
void infill_logits(const pass_t *p, int all_logits, float *logits) {
    const model_t *m = p->model;
    int count = all_logits ? p->batch * p->length : p->batch;
    workspace_t w;
    lay_out(p, &w);
    for (int first = 0; first < count; first += MAX_ROWS) {
        int rows = smaller(count - first, MAX_ROWS);
        for (int r = 0; r < rows; r++) {
            ptrdiff_t row = all_logits ? first + r : (first + r + 1) * p->length - 1;
            normalize(m, w.x + row * m->hidden, m->norm, w.y + r * m->hidden);
        }
        infill_linear_shared(&m->head, w.y, rows, w.rounded, p->threads, logits + (ptrdiff_t)first * m->head.outputs);
    }
}

/* Run the whole pass.  Returns as infill_embed does. */
int infill_step(const pass_t *p, const int64_t *ids, int all_logits, float *logits) {
    if (infill_embed(p, ids)) return -1;
    infill_layers(p);
    infill_logits(p, all_logits, logits);
    return 0;
}
