/* Computes fixed cases of every product and prints the bits of the results, a line for each case: to compare builds for
 * different processors, some of which only an emulator can run.  See test_processors.py. */
#include "attention.h"
#include "linear.h"
#include "tile.h"
#include <stdio.h>
#include <stdlib.h>

int infill_choose(
    const float *logits, int n, float temperature, double top_p, double chance, float *masses, float *logprob);
int infill_probe(void);

static uint32_t state = 1;

static uint32_t bits(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static float number(void) { return (float)(bits() + bits() + bits() + bits()) / (float)(1 << 24) - 2.0f; }

static void *room(size_t bytes) {
    void *block = calloc(1, bytes);
    if (!block) abort();
    return block;
}

static float *numbers(int n, float times) {
    float *x = room((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++) x[i] = number() * times;
    return x;
}

static void print(const float *y, int n) {
    for (int i = 0; i < n; i++) {
        uint32_t shown;
        memcpy(&shown, y + i, sizeof shown);
        printf(" %08x", shown);
    }
    printf("\n");
}

enum { RANDOM, LARGEST, ALTERNATING };

static void print_product(const linear_t *linear, int rows, int kind) {
    float *x = numbers(rows * linear->inputs, 3), *y = room((size_t)rows * linear->outputs * sizeof *y);
    void *workspace = room((size_t)rows * infill_linear_row_bytes(linear->inputs));
    for (int i = 0; kind != RANDOM && i < rows * linear->inputs; i++) x[i] = kind == ALTERNATING && i % 2 ? -2 : 2;
    infill_linear(linear, x, rows, workspace, y);
    print(y, rows * linear->outputs);
    free(x), free(y), free(workspace);
}

static void print_bytes(int outputs, int inputs, int rows, int kind) {
    int8_t *weight = room((size_t)outputs * inputs);
    int32_t *sum = room((size_t)outputs * sizeof *sum);
    float *scale = numbers(outputs, 1), *bias = numbers(outputs, 1);
    for (int i = 0; i < outputs * inputs; i++) {
        weight[i] = (int8_t)((int)(bits() % 255) - 127);
        if (kind != RANDOM) weight[i] = kind == ALTERNATING && i % inputs % 2 ? -128 : 127;
        sum[i / inputs] += weight[i];
    }
    linear_t linear = {
        .weight = weight, .scale = scale, .bias = bias, .sum = sum, .outputs = outputs, .inputs = inputs};
    printf("bytes %d %d %d %d:", outputs, inputs, rows, kind);
    print_product(&linear, rows, kind);
    free(weight), free(sum), free(scale), free(bias);
}

static void print_groups(int outputs, int inputs, int rows, int kind) {
    int tiles = (outputs + GROUP_OUTPUTS - 1) / GROUP_OUTPUTS, groups = (inputs + GROUP_INPUTS - 1) / GROUP_INPUTS;
    group_t *weight = room((size_t)tiles * groups * sizeof *weight);
    for (int g = 0; g < tiles * groups; g++) {
        for (int o = 0; o < GROUP_OUTPUTS; o++) { /* some scales have no normal float16 */
            weight[g].scale[o] = (uint16_t)(g * o % 7 ? 0x2000 + bits() % 0x1000 : bits() % 0x800);
            weight[g].minimum[o] = (uint16_t)(0x8000 + bits() % 0x3800);
        }
        for (size_t i = 0; i < sizeof weight->numbers; i++)
            ((uint8_t *)weight[g].numbers)[i] = kind == RANDOM ? (uint8_t)bits() : 255;
    }
    linear_t linear = {.groups = weight, .outputs = outputs, .inputs = inputs};
    printf("groups %d %d %d %d:", outputs, inputs, rows, kind);
    print_product(&linear, rows, kind);
    free(weight);
}

static kv_rows_t kv_rows(int tokens, int head_dim, float times) {
    kv_rows_t rows = {room((size_t)tokens * head_dim), room((size_t)tokens * sizeof(float))};
    for (int t = 0; t < tokens; t++) {
        float *row = numbers(head_dim, times);
        infill_store(row, head_dim, rows, t);
        free(row);
    }
    return rows;
}

#define HEADS 5

/* One head as the first of several, which must not depend on the others. */
static void print_attention(int head_dim, visible_t visible, float spread) {
    int tokens = visible.first + visible.count * visible.stride;
    kv_rows_t keys = kv_rows(tokens, head_dim, spread), values = kv_rows(tokens, head_dim, 1);
    float *queries = numbers(HEADS * head_dim, 1), *out = room(HEADS * head_dim * sizeof *out);
    float *workspace = room(infill_attention_workspace(visible.count) * sizeof *workspace),
          *alone = room(MAX_HEAD_DIM * sizeof(float));
    infill_attention_of_heads(queries, HEADS, keys, values, &visible, head_dim, workspace, out);
    infill_attention(queries, keys, values, &visible, head_dim, workspace, alone);
    if (memcmp(out, alone, head_dim * sizeof *out)) abort();
    printf("attention %d %d %d %d %g:", head_dim, visible.shared, visible.stride, visible.count, (double)spread);
    print(out, HEADS * head_dim);
    free(keys.numbers), free(keys.scale), free(values.numbers), free(values.scale);
    free(queries), free(out), free(workspace), free(alone);
}

static void print_choice(int n, float temperature) {
    float *logits = numbers(n, 8), *masses = room(n * sizeof *masses), result[2];
    result[0] = (float)infill_choose(logits, n, temperature, 0.9, 0.37, masses, result + 1);
    printf("choice %d %g:", n, (double)temperature);
    print(result, 2);
    free(logits), free(masses);
}

int main(void) {
    static const int shapes[][2] = {
        {1, 1}, {4, 15}, {5, 16}, {16, 32}, {33, 200}, {70, 33}, {21, 513}, {8, 1000}, {6, 4096}, {3, 9001}};
    printf("# %s\n", infill_products());
    printf("probe: %d\n", infill_probe());
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int kind = RANDOM; kind <= ALTERNATING; kind++)
            for (int rows = 1; rows <= 7; rows += 2) {
                print_bytes(shapes[s][0], shapes[s][1], rows, kind);
                print_groups(shapes[s][0], shapes[s][1], rows, kind);
            }
    print_groups(20, 100, MAX_ROWS, RANDOM);
    for (int head_dim = 16; head_dim <= MAX_HEAD_DIM; head_dim += 16) {
        print_attention(head_dim, (visible_t){10, 10, 1, 10}, 1);
        print_attention(head_dim, (visible_t){3, 4, 3, 8}, 1);
        print_attention(head_dim, (visible_t){1, 1, 1, 1}, 1);
    }
    print_attention(64, (visible_t){1300, 1300, 1, 1301}, 0);
    print_attention(128, (visible_t){700, 702, 5, 1203}, 1);
    print_choice(1000, 0);
    print_choice(1001, 0.5f);
    return 0;
}
