/* Linear layers with 4-bit weights: each group of 32 inputs of an output has a scale and a minimum. */
#pragma once
#include <stdint.h>

#define GROUP_INPUTS 32
#define GROUP_OUTPUTS 16

/* A group of each of 16 outputs, side by side as the lanes of a vector.  A weight is scale * number + minimum. */
typedef struct {
    uint16_t scale[GROUP_OUTPUTS], minimum[GROUP_OUTPUTS]; /* float16 */
    /* The numbers of four inputs of each output after another: of inputs 8 i to 8 i + 3 in the lower four bits, of the next
     * four inputs in the upper ones. */
    uint8_t numbers[GROUP_INPUTS / 8][4 * GROUP_OUTPUTS];
} group_t;

/* Bytes of workspace for each row of inputs. */
int infill_grouped_row_bytes(int inputs);

/* Round rows x (rows, inputs) to 16-bit integers in the workspace; unit: (rows), the value of the integer 1 of each. */
void infill_grouped_round(int inputs, const float *x, int rows, void *workspace, float *unit);

/* y = weight x for some tiles of GROUP_OUTPUTS outputs, first to last - 1, and at most MAX_ROWS rounded rows.
 *
 * weight: (outputs / 16, inputs / 32), both rounded up; what is beyond the matrix has scale and minimum 0.
 * y: (rows, outputs). */
void infill_grouped(const group_t *weight, int outputs, int inputs, int first, int last, const void *workspace,
    const float *unit, int rows, float *y);
