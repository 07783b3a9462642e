/* Linear layers with 4-bit weights in groups, and inputs that are rounded to 16 bits.
 *
 * A row of 16-bit integers x is stored as two planes of signed bytes, x = 256 upper + lower.  The sums of a group are exact
 * integers on every processor; the groups are added up in float32, in order.  So each row is computed alike, however many
 * rows there are.
 */
#include "groups.h"
#include "products.h"

static int groups_of(int inputs) { return (inputs + GROUP_INPUTS - 1) / GROUP_INPUTS; }

int infill_grouped_row_bytes(int inputs) { return groups_of(inputs) * (2 * GROUP_INPUTS + (int)sizeof(float)); }

static planes_t planes_of(void *workspace, int inputs, int row) {
    int groups = groups_of(inputs);
    int8_t *upper = (int8_t *)workspace + (ptrdiff_t)row * infill_grouped_row_bytes(inputs);
    int8_t *lower = upper + groups * GROUP_INPUTS;
    return (planes_t){upper, lower, (const float *)(lower + groups * GROUP_INPUTS)};
}

/* Round a row and return the value of the integer 1. */
static float round_row(const float *restrict x, int inputs, planes_t to) {
    float scale = (float)LARGEST_ROUNDED / largest_size(x, inputs);
    int8_t *restrict upper = (int8_t *)to.upper, *restrict lower = (int8_t *)to.lower;
    int all = groups_of(inputs) * GROUP_INPUTS;
    for (int i = 0; i < inputs; i++) {
        int32_t rounded = (int32_t)rintf(x[i] * scale), high = (rounded + 128) >> 8;
        upper[i] = (int8_t)high;
        lower[i] = (int8_t)(rounded - high * 256);
    }
    for (int i = inputs; i < all; i++) upper[i] = lower[i] = 0;
    for (int g = 0; g < all / GROUP_INPUTS; g++) {
        int32_t sum = 0;
        for (int i = g * GROUP_INPUTS; i < (g + 1) * GROUP_INPUTS; i++) sum += upper[i] * 256 + lower[i];
        ((float *)to.sum)[g] = (float)sum;
    }
    return 1.0f / scale;
}

static void store(const float *sums, float unit, int count, float *y) {
    for (int o = 0; o < count; o++) y[o] = sums[o] * unit;
}

void infill_grouped_round(int inputs, const float *x, int rows, void *workspace, float *unit) {
    for (int r = 0; r < rows; r++)
        unit[r] = round_row(x + (ptrdiff_t)r * inputs, inputs, planes_of(workspace, inputs, r));
}

/* Compute rows of a tile, `at_once` of them as long as so many are left, from row r on; return the first row that is not
 * done. */
ALWAYS_INLINE int multiply_rows(const int at_once, const group_t *weight, int groups, const planes_t *planes,
    const float *unit, int r, int rows, int count, int outputs, float *y) {
    float sums[GROUP_ROWS * GROUP_OUTPUTS];
    for (; r + at_once <= rows; r += at_once) {
        dot_groups(weight, groups, planes + r, at_once, sums);
        for (int i = 0; i < at_once; i++)
            store(sums + i * GROUP_OUTPUTS, unit[r + i], count, y + (ptrdiff_t)(r + i) * outputs);
    }
    return r;
}

void infill_grouped(const group_t *weight, int outputs, int inputs, int first, int last, const void *workspace,
    const float *unit, int rows, float *y) {
    int groups = groups_of(inputs);
    planes_t planes[MAX_ROWS];
    for (int r = 0; r < rows; r++) planes[r] = planes_of((void *)workspace, inputs, r);
    weight += (ptrdiff_t)first * groups;
    for (int tile = first; tile < last; tile++, weight += groups) {
        int o = tile * GROUP_OUTPUTS, count = outputs - o < GROUP_OUTPUTS ? outputs - o : GROUP_OUTPUTS;
        int r = multiply_rows(GROUP_ROWS, weight, groups, planes, unit, 0, rows, count, outputs, y + o);
        /* Drafts are checked in two or three rows. */
        if (GROUP_ROWS > 3) r = multiply_rows(3, weight, groups, planes, unit, r, rows, count, outputs, y + o);
        if (GROUP_ROWS > 2) r = multiply_rows(2, weight, groups, planes, unit, r, rows, count, outputs, y + o);
        multiply_rows(1, weight, groups, planes, unit, r, rows, count, outputs, y + o);
    }
}
