/* The first calls of a new library, by build.py in a process of their own: a processor or a virtual machine may announce
 * instructions and then fault at them, and compilers have bugs. */
#include "../attention.h"
#include "../linear.h"
#include "../tile.h"
#include <stdlib.h>

#define OUTPUTS 21 /* neither multiples of a vector nor of a group */
#define INPUTS 141
#define ROWS 5
#define TOKENS 7
#define HEAD_DIM 64
#define TOLERANCE 1e-3f

static float number(int i) { return (float)((i * 37 + i / 11 * 5) % 101 - 50); }

static int differs(float a, float b) { return !(fabsf(a - b) <= TOLERANCE * (fabsf(b) + 10.0f)); }

/* Returns whether the products with these weights (OUTPUTS, INPUTS) are wrong. */
static int linear_is_wrong(const linear_t *linear, const float *weight, void *workspace) {
    float x[ROWS * INPUTS], y[ROWS * OUTPUTS];
    int wrong = 0;
    for (int i = 0; i < ROWS * INPUTS; i++) x[i] = number(i) / 50.0f;
    infill_linear(linear, x, ROWS, workspace, y);
    for (int r = 0; r < ROWS; r++)
        for (int o = 0; o < OUTPUTS; o++) {
            double sum = 0;
            for (int i = 0; i < INPUTS; i++) sum += (double)weight[o * INPUTS + i] * x[r * INPUTS + i];
            wrong |= differs(y[r * OUTPUTS + o], (float)sum);
        }
    return wrong;
}

static int bytes_are_wrong(void *workspace) {
    static int8_t weight[OUTPUTS * INPUTS];
    static float wide[OUTPUTS * INPUTS], scale[OUTPUTS];
    int32_t sum[OUTPUTS] = {0};
    for (int o = 0; o < OUTPUTS; o++) {
        scale[o] = (float)(o + 1) / 64.0f;
        for (int i = 0; i < INPUTS; i++) {
            int8_t w = (int8_t)number(o * INPUTS + i);
            weight[o * INPUTS + i] = w;
            wide[o * INPUTS + i] = scale[o] * (float)w;
            sum[o] += w;
        }
    }
    linear_t linear = {.weight = weight, .scale = scale, .sum = sum, .outputs = OUTPUTS, .inputs = INPUTS};
    return linear_is_wrong(&linear, wide, workspace);
}

static int groups_are_wrong(void *workspace) {
    enum { TILES = (OUTPUTS + GROUP_OUTPUTS - 1) / GROUP_OUTPUTS, GROUPS = (INPUTS + GROUP_INPUTS - 1) / GROUP_INPUTS };
    static group_t groups[TILES * GROUPS];
    static float wide[OUTPUTS * INPUTS];
    for (int g = 0; g < TILES * GROUPS; g++)
        for (int o = 0; o < GROUP_OUTPUTS; o++) {
            groups[g].scale[o] = 0x3000; /* 0.125 in float16 */
            groups[g].minimum[o] = 0xb800; /* -0.5 */
        }
    for (int o = 0; o < OUTPUTS; o++)
        for (int i = 0; i < INPUTS; i++) {
            int n = (o * 7 + i * 3) % 16, at = i % GROUP_INPUTS;
            group_t *group = groups + o / GROUP_OUTPUTS * GROUPS + i / GROUP_INPUTS;
            group->numbers[at / 8][o % GROUP_OUTPUTS * 4 + at % 4] |= (uint8_t)(n << at % 8 / 4 * 4);
            wide[o * INPUTS + i] = (float)n * 0.125f - 0.5f;
        }
    linear_t linear = {.groups = groups, .outputs = OUTPUTS, .inputs = INPUTS};
    return linear_is_wrong(&linear, wide, workspace);
}

/* All keys are equal, so that the answer is the mean of the values. */
static int attention_is_wrong(float *workspace) {
    int8_t keys[TOKENS * HEAD_DIM], values[TOKENS * HEAD_DIM];
    float key_scale[TOKENS], value_scale[TOKENS], row[HEAD_DIM], mean[HEAD_DIM] = {0}, out[HEAD_DIM];
    visible_t visible = {TOKENS, TOKENS, 1, TOKENS};
    int wrong = 0;
    for (int t = 0; t < TOKENS; t++) {
        for (int i = 0; i < HEAD_DIM; i++) row[i] = number(i);
        infill_store(row, HEAD_DIM, (kv_rows_t){keys, key_scale}, t);
        for (int i = 0; i < HEAD_DIM; i++) {
            row[i] = number(t * HEAD_DIM + i) * 2.54f;
            mean[i] += row[i] / TOKENS;
        }
        infill_store(row, HEAD_DIM, (kv_rows_t){values, value_scale}, t);
    }
    infill_attention(
        row, (kv_rows_t){keys, key_scale}, (kv_rows_t){values, value_scale}, &visible, HEAD_DIM, workspace, out);
    for (int i = 0; i < HEAD_DIM; i++) wrong |= !(fabsf(out[i] - mean[i]) <= 0.6f); /* half an integer of a value */
    return wrong;
}

/* Returns 0 if each type of product is right; what is announced but missing ends the process. */
int infill_probe(void) {
    size_t linear = ROWS * (size_t)infill_linear_row_bytes(INPUTS);
    size_t attention = (size_t)infill_attention_workspace(TOKENS) * sizeof(float);
    void *workspace = malloc(linear > attention ? linear : attention);
    if (!workspace) return -1;
    int wrong = bytes_are_wrong(workspace) | groups_are_wrong(workspace) << 1 | attention_is_wrong(workspace) << 2;
    free(workspace);
    return wrong;
}
