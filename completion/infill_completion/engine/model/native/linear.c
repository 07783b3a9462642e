/* The linear layers of a step: 8-bit weights, and inputs that are rounded to 16 bits.
 *
 * Each row is computed by the same instructions in the same order, however many rows there are.
 */
#include "linear.h"
#include "tile.h"

#define WEIGHTS_AHEAD 5120 /* bytes */

#ifdef HAS_VNNI
/* A row of 16-bit integers x is stored as two planes of bytes, the upper and the lower bytes of x + 32768: vpdpbusd takes
 * 64 weights as they are, vpdpwssd only 32 that must be widened first.  The sum of w x is 256 times the sum of w upper,
 * plus the sum of w lower, minus 32768 times the sum of w.  Measured: 40 % less time where the weights are in the core's
 * own cache. */
#define BLOCK 64
#define ROWS 2 /* with more rows the sums leave no registers for the weights */
#define ZERO_POINT 32768
#define HAS_BYTE_PRODUCTS 1

static void write_rounded(const float *restrict x, int n, float scale, void *restrict rounded) {
    uint8_t *restrict upper = rounded, *restrict lower = upper + n;
    for (int i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)((int32_t)rintf(x[i] * scale) + ZERO_POINT);
        upper[i] = (uint8_t)(bits >> 8);
        lower[i] = (uint8_t)bits;
    }
}

typedef struct {
    __m512i upper[TILE][ROWS], lower[TILE][ROWS];
} tile_t;

/* Load a block, or the last bytes of a row and zeros. */
ALWAYS_INLINE __m512i load_bytes(const void *from, int count) {
    return count == BLOCK ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(((__mmask64)1 << count) - 1, from);
}

ALWAYS_INLINE void add_products(
    tile_t *sums, const int8_t *weight, int inputs, int weights, const uint8_t *x, int rows, int count) {
    __m512i upper[ROWS], lower[ROWS];
    UNROLLED
    for (int r = 0; r < rows; r++) {
        upper[r] = load_bytes(x + 2 * r * inputs, count);
        lower[r] = load_bytes(x + (2 * r + 1) * inputs, count);
    }
    UNROLLED
    for (int w = 0; w < weights; w++) {
        __m512i bytes = load_bytes(weight + (ptrdiff_t)w * inputs, count);
        __asm__("" : "+v"(bytes)); /* loads once into a register instead of from memory for each use */
        UNROLLED
        for (int r = 0; r < rows; r++) {
            sums->upper[w][r] = _mm512_dpbusd_epi32(sums->upper[w][r], upper[r], bytes);
            sums->lower[w][r] = _mm512_dpbusd_epi32(sums->lower[w][r], lower[r], bytes);
        }
    }
}

/* Write sums (rows, weights) with `stride` numbers from row to row.  A lane adds inputs / 16 products of at most
 * 127 * 255, which fits an int32 for any row; the lanes are added up in float32. */
ALWAYS_INLINE void dot(
    const int8_t *weight, int inputs, int weights, const int16_t *rounded, int rows, float *y, int stride) {
    const uint8_t *x = (const uint8_t *)rounded;
    tile_t sums;
    int i = 0;
    UNROLLED
    for (int w = 0; w < weights; w++) {
        UNROLLED
        for (int r = 0; r < rows; r++) sums.upper[w][r] = sums.lower[w][r] = _mm512_setzero_si512();
    }
    for (; i + BLOCK <= inputs; i += BLOCK) {
        prefetch(weight + (ptrdiff_t)weights * i + WEIGHTS_AHEAD, weights * BLOCK);
        add_products(&sums, weight + i, inputs, weights, x + i, rows, BLOCK);
    }
    if (i < inputs) add_products(&sums, weight + i, inputs, weights, x + i, rows, inputs - i);
    UNROLLED
    for (int r = 0; r < rows; r++, y += stride) {
        __m512 lanes[TILE], factor = _mm512_set1_ps(256);
        UNROLLED
        for (int w = 0; w < weights; w++)
            lanes[w] =
                _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums.upper[w][r]), factor, _mm512_cvtepi32_ps(sums.lower[w][r]));
        if (weights == TILE)
            sum_up(lanes[0], lanes[1], lanes[2], lanes[3], y);
        else
            for (int w = 0; w < weights; w++) y[w] = _mm512_reduce_add_ps(lanes[w]);
    }
}
#else
#define BLOCK 256 /* that many products of at most 127 * 32767 fit an int32 */
#define ROWS 1
#define ZERO_POINT 0
#define HAS_BYTE_PRODUCTS 0

static void write_rounded(const float *restrict x, int n, float scale, int16_t *restrict rounded) {
    for (int i = 0; i < n; i++) rounded[i] = (int16_t)(int32_t)rintf(x[i] * scale);
}

ALWAYS_INLINE void dot(
    const int8_t *weight, int inputs, int weights, const int16_t *x, int rows, float *y, int stride) {
    for (int r = 0; r < rows; r++, x += inputs, y += stride)
        for (int w = 0; w < weights; w++) {
            int64_t sum = 0;
            for (int start = 0; start < inputs; start += BLOCK) {
                int end = start + BLOCK < inputs ? start + BLOCK : inputs;
                int32_t part = 0;
                for (int i = start; i < end; i++) part += (int16_t)weight[(ptrdiff_t)w * inputs + i] * x[i];
                sum += part;
            }
            y[w] = (float)sum;
        }
}
#endif

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
        for (; r + ROWS <= rows; r += ROWS)
            dot(weight, inputs, TILE, rounded + r * inputs, ROWS, to + (ptrdiff_t)r * outputs, outputs);
        for (; r < rows; r++) dot(weight, inputs, TILE, rounded + r * inputs, 1, to + (ptrdiff_t)r * outputs, outputs);
    }
    for (; o < outputs; o++)
        for (int r = 0; r < rows; r++)
            dot(p->weight + (ptrdiff_t)o * inputs, inputs, 1, rounded + r * inputs, 1, y + (ptrdiff_t)r * outputs + o,
                1);
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
