/* y = scale * (weight x) + bias, of a few rows x; rounded to 16-bit integers on the way. */
#include <stdint.h>

typedef struct {
    const int8_t *weight; /* (outputs, inputs) */
    const float *scale;   /* (outputs) */
    const float *bias;    /* (outputs), or NULL */
    const int32_t *sum;   /* (outputs), each of a row of weights */
    int32_t outputs, inputs;
} product_t;

/* x: (rows, inputs), at most MOST_ROWS of them.  whole: room for as many integers.  y: (rows, outputs). */
void infill_multiply(const product_t *p, const float *x, int rows, int16_t *whole, float *y);

/* Whether the processor has the products of bytes that make this faster than products of floats, for many rows too. */
int infill_multiplies_bytes(void);
