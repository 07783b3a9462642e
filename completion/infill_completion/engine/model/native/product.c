/* The products of a step: 8-bit weights, and inputs that are rounded to 16 bits.
 *
 * Each row is computed by the same instructions in the same order however many come with it.
 */
#include "product.h"
#include "tile.h"

#define WEIGHTS_AHEAD 5120 /* bytes */

#ifdef HAS_VNNI
/* A row of 16-bit integers x is two planes of bytes, the upper and the lower ones of x + 32768: vpdpbusd takes 64 weights
 * as they are, where vpdpwssd takes 32 that were made wider first.  The sum of w x is 256 * that of w upper, plus that of
 * w lower, less 32768 * that of w.  Measured: two fifths less time where the weights are in the core's own cache. */
#define BLOCK 64
#define ROWS 2 /* with more of them the sums leave no registers for weights */
#define LOWEST 32768
#define MULTIPLIES_BYTES 1

static void write_whole(const float *restrict x, int n, float scale, void *restrict whole) {
    uint8_t *restrict upper = whole, *restrict lower = upper + n;
    for (int i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)((int32_t)rintf(x[i] * scale) + LOWEST);
        upper[i] = (uint8_t)(bits >> 8);
        lower[i] = (uint8_t)bits;
    }
}

typedef struct {
    __m512i upper[TILE][ROWS], lower[TILE][ROWS];
} tile_t;

/* A block, or half of one and zeros. */
ALWAYS_INLINE __m512i some_bytes(const void *from, int count) {
    return count == BLOCK ? _mm512_loadu_si512(from) : _mm512_zextsi256_si512(_mm256_loadu_si256(from));
}

ALWAYS_INLINE void add_products(
    tile_t *sums, const int8_t *weight, int inputs, int weights, const uint8_t *x, int rows, int count) {
    __m512i upper[ROWS], lower[ROWS];
    UNROLLED
    for (int r = 0; r < rows; r++) {
        upper[r] = some_bytes(x + 2 * r * inputs, count);
        lower[r] = some_bytes(x + (2 * r + 1) * inputs, count);
    }
    UNROLLED
    for (int w = 0; w < weights; w++) {
        __m512i bytes = some_bytes(weight + (ptrdiff_t)w * inputs, count);
        __asm__("" : "+v"(bytes)); /* into a register once, not from memory for each use */
        UNROLLED
        for (int r = 0; r < rows; r++) {
            sums->upper[w][r] = _mm512_dpbusd_epi32(sums->upper[w][r], upper[r], bytes);
            sums->lower[w][r] = _mm512_dpbusd_epi32(sums->lower[w][r], lower[r], bytes);
        }
    }
}

/* Write sums (rows, weights), the rows `apart` from each other.  A lane takes inputs / 16 products of at most 127 * 255,
 * which an int32 holds for any row; what the lanes hold is added up in float32. */
ALWAYS_INLINE void dot(
    const int8_t *weight, int inputs, int weights, const int16_t *whole, int rows, float *y, int apart) {
    const uint8_t *x = (const uint8_t *)whole;
    tile_t sums;
    int i = 0;
    UNROLLED
    for (int w = 0; w < weights; w++) {
        UNROLLED
        for (int r = 0; r < rows; r++) sums.upper[w][r] = sums.lower[w][r] = _mm512_setzero_si512();
    }
    for (; i + BLOCK <= inputs; i += BLOCK) {
        fetch(weight + (ptrdiff_t)weights * i + WEIGHTS_AHEAD, weights * BLOCK);
        add_products(&sums, weight + i, inputs, weights, x + i, rows, BLOCK);
    }
    if (i < inputs) add_products(&sums, weight + i, inputs, weights, x + i, rows, BLOCK / 2);
    UNROLLED
    for (int r = 0; r < rows; r++, y += apart) {
        __m512 lanes[TILE], worth = _mm512_set1_ps(256);
        UNROLLED
        for (int w = 0; w < weights; w++)
            lanes[w] =
                _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums.upper[w][r]), worth, _mm512_cvtepi32_ps(sums.lower[w][r]));
        if (weights == TILE)
            sum_up(lanes[0], lanes[1], lanes[2], lanes[3], y);
        else
            for (int w = 0; w < weights; w++) y[w] = _mm512_reduce_add_ps(lanes[w]);
    }
}
#else
#define BLOCK 256 /* so many products of at most 127 * 32767 fit into an int32 */
#define ROWS 1
#define LOWEST 0
#define MULTIPLIES_BYTES 0

static void write_whole(const float *restrict x, int n, float scale, int16_t *restrict whole) {
    for (int i = 0; i < n; i++) whole[i] = (int16_t)(int32_t)rintf(x[i] * scale);
}

ALWAYS_INLINE void dot(const int8_t *weight, int inputs, int weights, const int16_t *x, int rows, float *y, int apart) {
    for (int r = 0; r < rows; r++, x += inputs, y += apart)
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

/* Round a row to 16-bit integers and return what one of them is worth. */
static float round_row(const float *restrict x, int n, int16_t *restrict whole) {
    float scale = 32767.0f / largest_size(x, n);
    write_whole(x, n, scale, whole);
    return 1.0f / scale;
}

/* From sums to outputs, all in one go: with 320 inputs this would else be half as much work as the products. */
static void finish(const product_t *p, float worth, float *restrict y) {
    for (int o = 0; o < p->outputs; o++) y[o] = (y[o] - LOWEST * (float)p->sum[o]) * (p->scale[o] * worth);
    if (p->bias)
        for (int o = 0; o < p->outputs; o++) y[o] += p->bias[o];
}

void infill_multiply(const product_t *p, const float *x, int rows, int16_t *whole, float *y) {
    int inputs = p->inputs, outputs = p->outputs, o = 0;
    float worth[MOST_ROWS];
    for (int r = 0; r < rows; r++) worth[r] = round_row(x + r * inputs, inputs, whole + r * inputs);
    /* With constants the compiler keeps the sums of a whole tile in registers. */
    for (; o + TILE <= outputs; o += TILE) {
        const int8_t *weight = p->weight + (ptrdiff_t)o * inputs;
        float *to = y + o;
        int r = 0;
        for (; r + ROWS <= rows; r += ROWS)
            dot(weight, inputs, TILE, whole + r * inputs, ROWS, to + (ptrdiff_t)r * outputs, outputs);
        for (; r < rows; r++) dot(weight, inputs, TILE, whole + r * inputs, 1, to + (ptrdiff_t)r * outputs, outputs);
    }
    for (; o < outputs; o++)
        for (int r = 0; r < rows; r++)
            dot(p->weight + (ptrdiff_t)o * inputs, inputs, 1, whole + r * inputs, 1, y + (ptrdiff_t)r * outputs + o, 1);
    for (int r = 0; r < rows; r++) finish(p, worth[r], y + (ptrdiff_t)r * outputs);
}

int infill_multiplies_bytes(void) { return MULTIPLIES_BYTES; }
