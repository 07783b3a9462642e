/* The linear layers of a step: 8-bit weights, and inputs that are rounded to 16 bits.
 *
 * Each row is computed by the same instructions in the same order, however many rows there are.
 */
#include "linear.h"
#include "products.h"

/* Round a row to 16-bit integers and return the value of the integer 1. */
static float round_row(const float *restrict x, int n, int16_t *restrict rounded) {
    float scale = 32767.0f / largest_size(x, n);
    write_rounded(x, n, scale, rounded);
    return 1.0f / scale;
}

/* Turn sums into outputs, a whole row at a time: tile by tile this would cost half as much as the products with 320
 * inputs. */
static void finish(const linear_t *p, float unit, float *restrict y) {
    for (int o = 0; o < p->outputs; o++) y[o] = (y[o] - ZERO_POINT * (float)p->sum[o]) * (p->scale[o] * unit);
}

static void add_bias(const linear_t *p, int rows, float *restrict y) {
    for (int r = 0; p->bias && r < rows; r++, y += p->outputs)
        for (int o = 0; o < p->outputs; o++) y[o] += p->bias[o];
}

int infill_linear_row_bytes(int inputs) {
    int grouped = infill_grouped_row_bytes(inputs), plain = inputs * (int)sizeof(int16_t);
    return grouped > plain ? grouped : plain;
}

static void linear_in_bytes(const linear_t *p, const float *x, int rows, int16_t *rounded, float *y) {
    int inputs = p->inputs, outputs = p->outputs, o = 0;
    float unit[MAX_ROWS];
    for (int r = 0; r < rows; r++) unit[r] = round_row(x + r * inputs, inputs, rounded + r * inputs);
    /* With constants the compiler keeps the sums of a full tile in registers. */
    for (; o + TILE <= outputs; o += TILE) {
        const int8_t *weight = p->weight + (ptrdiff_t)o * inputs;
        float *to = y + o;
        int r = 0;
        for (; r + BYTE_ROWS <= rows; r += BYTE_ROWS)
            dot_bytes(weight, p->sum + o, inputs, TILE, rounded + r * inputs, BYTE_ROWS, to + (ptrdiff_t)r * outputs,
                outputs);
        for (; r < rows; r++)
            dot_bytes(weight, p->sum + o, inputs, TILE, rounded + r * inputs, 1, to + (ptrdiff_t)r * outputs, outputs);
    }
    for (; o < outputs; o++)
        for (int r = 0; r < rows; r++)
            dot_bytes(p->weight + (ptrdiff_t)o * inputs, p->sum + o, inputs, 1, rounded + r * inputs, 1,
                y + (ptrdiff_t)r * outputs + o, 1);
    for (int r = 0; r < rows; r++) finish(p, unit[r], y + (ptrdiff_t)r * outputs);
}

void infill_linear(const linear_t *p, const float *x, int rows, int16_t *rounded, float *y) {
    if (p->groups)
        infill_grouped(p->groups, p->outputs, p->inputs, x, rows, rounded, y);
    else
        linear_in_bytes(p, x, rows, rounded, y);
    add_bias(p, rows, y);
}

int infill_has_byte_products(void) { return HAS_BYTE_PRODUCTS; }

const char *infill_products(void) { return PRODUCTS; }
