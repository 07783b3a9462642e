/* The linear layers of a step: 8-bit weights, and inputs that are rounded to 16 bits.
 *
 * Each row is computed by the same instructions in the same order, however many rows there are.
 */
#include "linear.h"
#include "threads/pool.h"
#include "products.h"

#define GRAIN_BYTES 32768 /* of weights that a thread takes at once */

/* Round a row to 16-bit integers and return the value of the integer 1. */
static float round_row(const float *restrict x, int n, int16_t *restrict rounded) {
    float scale = 32767.0f / largest_size(x, n);
    write_rounded(x, n, scale, rounded);
    return 1.0f / scale;
}

/* Turn sums into outputs, many at a time: tile by tile this would cost half as much as the products with 320 inputs. */
static void finish(const linear_t *p, float unit, int first, int last, float *restrict y) {
    for (int o = first; o < last; o++) y[o] = (y[o] - ZERO_POINT * (float)p->sum[o]) * (p->scale[o] * unit);
}

static void add_bias(const linear_t *p, int rows, int first, int last, float *restrict y) {
    for (int r = 0; p->bias && r < rows; r++, y += p->outputs)
        for (int o = first; o < last; o++) y[o] += p->bias[o];
}

int infill_linear_row_bytes(int inputs) {
    int grouped = infill_grouped_row_bytes(inputs), plain = inputs * (int)sizeof(int16_t);
    return grouped > plain ? grouped : plain;
}

/* Compute outputs first to last - 1; first is a multiple of TILE. */
static void linear_in_bytes(
    const linear_t *p, int first, int last, const int16_t *rounded, const float *unit, int rows, float *y) {
    int inputs = p->inputs, outputs = p->outputs, o = first;
    /* With constants the compiler keeps the sums of a full tile in registers. */
    for (; o + TILE <= last; o += TILE) {
        const int8_t *weight = p->weight + (ptrdiff_t)o * inputs;
        float *to = y + o;
        int r = 0;
        for (; r + BYTE_ROWS <= rows; r += BYTE_ROWS)
            dot_bytes(weight, p->sum + o, inputs, TILE, rounded + r * inputs, BYTE_ROWS, to + (ptrdiff_t)r * outputs,
                outputs);
        for (; BYTE_ROWS > 2 && r + 2 <= rows; r += 2)
            dot_bytes(weight, p->sum + o, inputs, TILE, rounded + r * inputs, 2, to + (ptrdiff_t)r * outputs, outputs);
        for (; r < rows; r++)
            dot_bytes(weight, p->sum + o, inputs, TILE, rounded + r * inputs, 1, to + (ptrdiff_t)r * outputs, outputs);
    }
    for (; o < last; o++)
        for (int r = 0; r < rows; r++)
            dot_bytes(p->weight + (ptrdiff_t)o * inputs, p->sum + o, inputs, 1, rounded + r * inputs, 1,
                y + (ptrdiff_t)r * outputs + o, 1);
    for (int r = 0; r < rows; r++) finish(p, unit[r], first, last, y + (ptrdiff_t)r * outputs);
}

typedef struct { /* a product of rounded rows */
    const linear_t *linear;
    const int16_t *rounded;
    float unit[MAX_ROWS]; /* the value of the integer 1 of each row */
    int rows;
} product_t;

/* Compute tiles of GROUP_OUTPUTS outputs. */
static void multiply(const void *context, int first, int last, float *scratch, float *y) {
    const product_t *product = context;
    const linear_t *p = product->linear;
    int start = first * GROUP_OUTPUTS, end = last * GROUP_OUTPUTS;
    (void)scratch;
    if (end > p->outputs) end = p->outputs;
    if (p->groups)
        infill_grouped(
            p->groups, p->outputs, p->inputs, first, last, product->rounded, product->unit, product->rows, y);
    else
        linear_in_bytes(p, start, end, product->rounded, product->unit, product->rows, y);
    add_bias(p, product->rows, start, end, y);
}

void infill_linear_shared(const linear_t *p, const float *x, int rows, int16_t *rounded, int threads, float *y) {
    int inputs = p->inputs, tiles = (p->outputs + GROUP_OUTPUTS - 1) / GROUP_OUTPUTS;
    int tile_bytes = inputs * GROUP_OUTPUTS * (p->groups ? 5 : 8) / 8 * (1 + rows / 4);
    product_t product = {.linear = p, .rounded = rounded, .rows = rows};
    if (p->groups)
        infill_grouped_round(inputs, x, rows, rounded, product.unit);
    else
        for (int r = 0; r < rows; r++) product.unit[r] = round_row(x + r * inputs, inputs, rounded + r * inputs);
    job_t job = {multiply, tiles, GROUP_OUTPUTS, rows, p->outputs, 1 + GRAIN_BYTES / tile_bytes, 0, {0}};
    _Static_assert(sizeof product <= sizeof job.context, "");
    memcpy(job.context, &product, sizeof product);
    infill_share(&job, threads, NULL, y);
}

void infill_linear(const linear_t *p, const float *x, int rows, int16_t *rounded, float *y) {
    infill_linear_shared(p, x, rows, rounded, 1, y);
}

int infill_has_byte_products(void) { return HAS_BYTE_PRODUCTS; }

const char *infill_products(void) { return PRODUCTS; }
