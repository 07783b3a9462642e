/* y = scale * (weight x) + bias for a few rows x, which are rounded to 16-bit integers on the way. */
#pragma once
#include "groups.h"
#include <stdint.h>

typedef struct {
    const int8_t *weight; /* (outputs, inputs) */
    const group_t *groups; /* 4-bit weights in place of weight, scale and sum, see groups.h; or NULL */
    const float *scale;   /* (outputs) */
    const float *bias;    /* (outputs), or NULL */
    const int32_t *sum;   /* (outputs), the sum of each row of weights */
    int32_t outputs, inputs;
} linear_t;

/* x: (rows, inputs), at most MAX_ROWS rows.  rounded: workspace, infill_linear_row_bytes for each row.  y: (rows, outputs). */
void infill_linear(const linear_t *p, const float *x, int rows, int16_t *rounded, float *y);

/* The same by several threads; see threads/pool.h. */
void infill_linear_shared(const linear_t *p, const float *x, int rows, int16_t *rounded, int threads, float *y);

int infill_linear_row_bytes(int inputs);

/* Whether the processor has the byte products that make this faster than float products for many rows too. */
int infill_has_byte_products(void);

/* The name of the products that this library was built with: see products.h. */
const char *infill_products(void);
