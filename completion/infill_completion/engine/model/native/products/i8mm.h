/* 128-bit products of ARM processors with smmla (Apple's since the M2; servers and phones since about 2021).
 *
 * smmla multiplies two rows of eight signed bytes by two others and adds the four sums to the lanes of a vector, which
 * is twice what sdot does.  The first two are rows of weights; the others are the two planes of one row of inputs, so
 * that a single row needs no partner.
 */
#define PRODUCTS "i8mm"
#define HAS_BYTE_PRODUCTS 1
#include "shared128.h"

#define HALF 8 /* inputs of an smmla */

/* From (first upper, first lower, second upper, second lower) of outputs 0 and 1, and of 2 and 3. */
ALWAYS_INLINE int32x4_t uppers(int32x4_t a, int32x4_t b) { return vuzp1q_s32(a, b); }
ALWAYS_INLINE int32x4_t lowers(int32x4_t a, int32x4_t b) { return vuzp2q_s32(a, b); }

/* ---- 8 bits ---- */

#define BYTE_ROWS 4
#define BYTE_VECTOR 16
#define PAIRS (TILE / 2)
#define ZERO_POINT 0 /* dot_bytes has added it */
#define OFFSET 128

/* A row of 16-bit integers x is stored as signed bytes, x = 256 upper + lower + OFFSET: HALF upper ones, then the lower
 * ones of the same inputs, and so on; the last less than HALF inputs alike. */
static inline void write_rounded(const float *restrict x, int n, float scale, void *restrict rounded) {
    int8_t *to = rounded;
    for (int start = 0; start < n; start += HALF) {
        int count = n - start < HALF ? n - start : HALF;
        for (int i = 0; i < count; i++) {
            int32_t bits = (int32_t)rintf(x[start + i] * scale);
            to[2 * start + i] = (int8_t)(bits >> 8);
            to[2 * start + count + i] = (int8_t)((bits & 255) - OFFSET);
        }
    }
}

typedef struct { /* the sums of both halves of a vector, apart: none waits for the previous one */
    int32x4_t halves[BYTE_ROWS][PAIRS][2];
} tile_t;

ALWAYS_INLINE int8x16_t first_halves(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

ALWAYS_INLINE int8x16_t second_halves(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
}

/* x: (rows, x_stride), of which the next 2 BYTE_VECTOR bytes are taken.  A single weight makes a pair with itself. */
ALWAYS_INLINE void add_products(
    tile_t *sums, const int8_t *weight, int weight_stride, int weights, const int8_t *x, int x_stride, int rows) {
    int8x16_t inputs[BYTE_ROWS][2];
    UNROLLED
    for (int r = 0; r < rows; r++) {
        inputs[r][0] = vld1q_s8(x + (ptrdiff_t)r * x_stride);
        inputs[r][1] = vld1q_s8(x + (ptrdiff_t)r * x_stride + BYTE_VECTOR);
    }
    UNROLLED
    for (int p = 0; p < (weights + 1) / 2; p++) {
        const int8_t *pair = weight + (ptrdiff_t)(2 * p) * weight_stride;
        int8x16_t one = vld1q_s8(pair), other = weights == 1 ? one : vld1q_s8(pair + weight_stride);
        int8x16_t first = first_halves(one, other), second = second_halves(one, other);
        UNROLLED
        for (int r = 0; r < rows; r++) {
            sums->halves[r][p][0] = vmmlaq_s32(sums->halves[r][p][0], first, inputs[r][0]);
            sums->halves[r][p][1] = vmmlaq_s32(sums->halves[r][p][1], second, inputs[r][1]);
        }
    }
}

/* Add the products of the last inputs of a row, less than a vector. */
ALWAYS_INLINE void add_rest(
    tile_t *sums, const int8_t *weight, int inputs, int weights, const int8_t *x, int rows, int count) {
    int8_t bytes[TILE * BYTE_VECTOR] = {0}, planes[2 * BYTE_ROWS * BYTE_VECTOR] = {0};
    int whole = count / HALF * HALF, rest = count - whole;
    for (int w = 0; w < weights; w++) memcpy(bytes + w * BYTE_VECTOR, weight + (ptrdiff_t)w * inputs, count);
    for (int r = 0; r < rows; r++) {
        const int8_t *from = x + (ptrdiff_t)r * 2 * inputs;
        int8_t *to = planes + r * 2 * BYTE_VECTOR;
        memcpy(to, from, 2 * whole);
        memcpy(to + 2 * whole, from + 2 * whole, rest);
        memcpy(to + 2 * whole + HALF, from + 2 * whole + rest, rest);
    }
    add_products(sums, bytes, BYTE_VECTOR, weights, planes, 2 * BYTE_VECTOR, rows);
}

/* Write sums (rows, weights) with `stride` numbers from row to row.  A sum of bytes is at most 128 * 128 for each input,
 * which fits an int32 for 131,071 inputs. */
ALWAYS_INLINE void dot_bytes(const int8_t *weight, const int32_t *weight_sums, int inputs, int weights,
    const int16_t *rounded, int rows, float *y, int stride) {
    const int8_t *x = (const int8_t *)rounded;
    int32_t offsets[TILE] = {0};
    tile_t sums;
    int i = 0;
    UNROLLED
    for (int r = 0; r < rows; r++) {
        UNROLLED
        for (int p = 0; p < PAIRS; p++) sums.halves[r][p][0] = sums.halves[r][p][1] = vdupq_n_s32(0);
    }
    for (; i + BYTE_VECTOR <= inputs; i += BYTE_VECTOR) {
        prefetch(weight + (ptrdiff_t)weights * i + WEIGHTS_AHEAD, weights * BYTE_VECTOR);
        add_products(&sums, weight + i, inputs, weights, x + 2 * i, 2 * inputs, rows);
    }
    if (i < inputs) add_rest(&sums, weight + i, inputs, weights, x + 2 * i, rows, inputs - i);
    for (int w = 0; w < weights; w++) offsets[w] = weight_sums[w] * OFFSET;
    UNROLLED
    for (int r = 0; r < rows; r++, y += stride) {
        int32x4_t pairs[PAIRS];
        UNROLLED
        for (int p = 0; p < PAIRS; p++) pairs[p] = vaddq_s32(sums.halves[r][p][0], sums.halves[r][p][1]);
        float32x4_t four = joined_exactly(uppers(pairs[0], pairs[1]), lowers(pairs[0], pairs[1]), vld1q_s32(offsets));
        if (weights == TILE)
            vst1q_f32(y, four);
        else
            *y = vgetq_lane_f32(four, 0);
    }
}

/* ---- 4 bits ---- */

ALWAYS_INLINE int8x16_t zipped(uint8x16_t first, uint8x16_t second, const int is_upper) {
    uint32x4_t a = vreinterpretq_u32_u8(first), b = vreinterpretq_u32_u8(second);
    return vreinterpretq_s8_u32(is_upper ? vzip2q_u32(a, b) : vzip1q_u32(a, b));
}

/* Add the products of the numbers of eight inputs, from `at` on, with the rows.  Four inputs of each output are adjacent in
 * the lower bits, the next four in the upper bits: zipped they are eight inputs of two outputs. */
ALWAYS_INLINE void add_eight(
    int32x4_t (*sums)[PARTS][2], const uint8_t *numbers, const planes_t *x, int at, const int rows) {
    int8x16_t inputs[GROUP_ROWS];
    UNROLLED
    for (int r = 0; r < rows; r++) inputs[r] = vcombine_s8(vld1_s8(x[r].upper + at), vld1_s8(x[r].lower + at));
    UNROLLED
    for (int p = 0; p < PARTS; p++) {
        uint8x16_t both = vld1q_u8(numbers + 16 * p);
        uint8x16_t first = vandq_u8(both, vdupq_n_u8(15)), second = vshrq_n_u8(both, 4);
        int8x16_t pairs[2] = {zipped(first, second, 0), zipped(first, second, 1)};
        UNROLLED
        for (int r = 0; r < rows; r++) {
            sums[r][p][0] = vmmlaq_s32(sums[r][p][0], pairs[0], inputs[r]);
            sums[r][p][1] = vmmlaq_s32(sums[r][p][1], pairs[1], inputs[r]);
        }
    }
}

/* The sums of four outputs: those of outputs 0 and 1, and of 2 and 3. */
ALWAYS_INLINE int32x4_t whole_sums(const int32x4_t *pairs) {
    return vaddq_s32(vshlq_n_s32(uppers(pairs[0], pairs[1]), 8), lowers(pairs[0], pairs[1]));
}
