/* Products and attention of many rows at once, to the bits of single rows.
 *
 * Rows are rounded to the same 16-bit integers, sums are exact, and what follows are the same float operations in the same
 * order.  Sixteen tokens are the lanes of a vector, so nothing is added up across lanes, and each weight is read from
 * memory once for a whole block.
 */
#pragma once
#include "../attention.h"
#include "../linear.h"
#include "../probe/amx.h"
#include <stddef.h>
#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && !defined(PRODUCTS_PLAIN)
#define BLOCKS
#endif

#define TILE_TOKENS 16
#define TILE_OUTPUTS 16
#define TILE_INPUTS 64
#define PLANE_BYTES (TILE_TOKENS * TILE_INPUTS)

/* Most rows of a block, which shares the weights that it reads; 0 where the processor has nothing to gain. */
int infill_block_rows(void);

/* Bytes of workspace, aligned to 64, for that many rows of a linear layer with at most so many inputs. */
size_t infill_block_bytes(int inputs, int rows);

/* As infill_linear, for any number of rows. */
void infill_block_linear(const linear_t *p, const float *x, int rows, void *workspace, float *y);

/* Compute silu(gate) * up, or gelu(up), of rows x (rows, hidden) as columns, (tiles of tokens, intermediate, TILE_TOKENS).
 * The first row of ups must begin a group of outputs, if weights have 4 bits. */
void infill_block_gated(
    const linear_t *gate_up, int is_gated, const float *x, int rows, void *workspace, float *columns);

/* As infill_block_linear, from such columns. */
void infill_block_linear_of_columns(const linear_t *p, const float *columns, int rows, void *workspace, float *y);

/* Whether infill_block_attention knows heads of that size. */
int infill_block_attends(int head_dim);

/* Bytes of its workspace, aligned to 64, for so many tokens. */
size_t infill_block_attention_bytes(int tokens, int head_dim);

/* Attend with some heads that share keys and values: as infill_attention for each of `rows` tokens, which follow each other
 * and of which the first sees `visible` tokens.  queries, out: (rows, heads, head_dim) with `stride` numbers from row to
 * row. */
void infill_block_attention(const float *queries, int rows, int stride, int heads, kv_rows_t keys, kv_rows_t values,
    int visible, int head_dim, void *workspace, float *out);

/* ---- shared by the files of this folder ---- */

typedef struct { /* rows of inputs as 16-bit integers in two planes of bytes */
    uint8_t *bytes; /* (tiles of tokens, steps of TILE_INPUTS inputs, 2 planes, quads of inputs, TILE_TOKENS, 4) */
    float *unit;    /* (tiles of tokens, TILE_TOKENS), the value of the integer 1 */
    float *sums;    /* (tiles of tokens, groups, TILE_TOKENS), of the integers of each group of 4-bit weights */
    int32_t rows, inputs, is_grouped;
} packed_t;

static inline int tiles_of(int tokens) { return (tokens + TILE_TOKENS - 1) / TILE_TOKENS; }
static inline int steps_of(int inputs) { return (inputs + TILE_INPUTS - 1) / TILE_INPUTS; }
static inline int groups_in(int inputs) { return steps_of(inputs) * (TILE_INPUTS / GROUP_INPUTS); }

/* Round rows (rows, inputs) and pack them. */
void infill_pack_rows(const float *x, const packed_t *to);

/* The same for columns, (tiles of tokens, inputs, TILE_TOKENS). */
void infill_pack_columns(const float *columns, const packed_t *to);

/* Pack a tile of rows with a stride, each multiplied by its scale. */
void infill_pack_tile(const float *x, ptrdiff_t stride, int rows, const float *scale, const packed_t *to, int tile);
