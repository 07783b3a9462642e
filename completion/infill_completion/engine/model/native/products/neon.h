/* 128-bit products of ARM processors with sdot (every Mac with an Apple processor; servers and phones since about 2018). */
#define PRODUCTS "neon"
#define HAS_BYTE_PRODUCTS 1
#include "shared128.h"

/* ---- 8 bits ---- */

#define BYTE_ROWS 2
#define BYTE_VECTOR 16
#define ZERO_POINT 0 /* dot_bytes has added it */
#define OFFSET 128

/* A row of 16-bit integers x is stored as two planes of signed bytes: x = 256 upper + lower + OFFSET. */
static inline void write_rounded(const float *restrict x, int n, float scale, void *restrict rounded) {
    int8_t *restrict upper = rounded, *restrict lower = upper + n;
    for (int i = 0; i < n; i++) {
        int32_t bits = (int32_t)rintf(x[i] * scale);
        upper[i] = (int8_t)(bits >> 8);
        lower[i] = (int8_t)((bits & 255) - OFFSET);
    }
}

typedef struct {
    int32x4_t upper[BYTE_ROWS][TILE], lower[BYTE_ROWS][TILE];
} tile_t;

/* x: (rows, 2, x_stride) */
ALWAYS_INLINE void add_products(
    tile_t *sums, const int8_t *weight, int weight_stride, int weights, const int8_t *x, int x_stride, int rows) {
    int8x16_t upper[BYTE_ROWS], lower[BYTE_ROWS];
    UNROLLED
    for (int r = 0; r < rows; r++) {
        upper[r] = vld1q_s8(x + 2 * r * x_stride);
        lower[r] = vld1q_s8(x + (2 * r + 1) * x_stride);
    }
    UNROLLED
    for (int w = 0; w < weights; w++) {
        int8x16_t bytes = vld1q_s8(weight + (ptrdiff_t)w * weight_stride);
        UNROLLED
        for (int r = 0; r < rows; r++) {
            sums->upper[r][w] = vdotq_s32(sums->upper[r][w], bytes, upper[r]);
            sums->lower[r][w] = vdotq_s32(sums->lower[r][w], bytes, lower[r]);
        }
    }
}

/* Add the products of the last inputs of a row, less than a vector. */
ALWAYS_INLINE void add_rest(
    tile_t *sums, const int8_t *weight, int inputs, int weights, const int8_t *x, int rows, int count) {
    int8_t bytes[TILE * BYTE_VECTOR] = {0}, planes[2 * BYTE_ROWS * BYTE_VECTOR] = {0};
    for (int w = 0; w < weights; w++) memcpy(bytes + w * BYTE_VECTOR, weight + (ptrdiff_t)w * inputs, count);
    for (int p = 0; p < 2 * rows; p++) memcpy(planes + p * BYTE_VECTOR, x + (ptrdiff_t)p * inputs, count);
    add_products(sums, bytes, BYTE_VECTOR, weights, planes, BYTE_VECTOR, rows);
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
        for (int w = 0; w < TILE; w++) sums.upper[r][w] = sums.lower[r][w] = vdupq_n_s32(0);
    }
    for (; i + BYTE_VECTOR <= inputs; i += BYTE_VECTOR) {
        prefetch(weight + (ptrdiff_t)weights * i + WEIGHTS_AHEAD, weights * BYTE_VECTOR);
        add_products(&sums, weight + i, inputs, weights, x + i, inputs, rows);
    }
    if (i < inputs) add_rest(&sums, weight + i, inputs, weights, x + i, rows, inputs - i);
    for (int w = 0; w < weights; w++) offsets[w] = weight_sums[w] * OFFSET;
    UNROLLED
    for (int r = 0; r < rows; r++, y += stride) {
        float32x4_t four =
            joined_exactly(sum_up_integers(sums.upper[r]), sum_up_integers(sums.lower[r]), vld1q_s32(offsets));
        if (weights == TILE)
            vst1q_f32(y, four);
        else
            *y = vgetq_lane_f32(four, 0);
    }
}

/* ---- 4 bits ---- */

/* Add the products of the numbers of eight inputs, from `at` on, with the rows. */
ALWAYS_INLINE void add_eight(
    int32x4_t (*sums)[PARTS][2], const uint8_t *numbers, const planes_t *x, int at, const int rows) {
    UNROLLED
    for (int p = 0; p < PARTS; p++) {
        uint8x16_t both = vld1q_u8(numbers + 16 * p);
        int8x16_t first = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15)));
        int8x16_t second = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
        UNROLLED
        for (int r = 0; r < rows; r++) {
            sums[r][p][0] = vdotq_s32(sums[r][p][0], first, broadcast(x[r].upper + at));
            sums[r][p][1] = vdotq_s32(sums[r][p][1], first, broadcast(x[r].lower + at));
            sums[r][p][0] = vdotq_s32(sums[r][p][0], second, broadcast(x[r].upper + at + 4));
            sums[r][p][1] = vdotq_s32(sums[r][p][1], second, broadcast(x[r].lower + at + 4));
        }
    }
}

/* The sums of four outputs, with the upper bytes of the inputs and with the lower ones. */
ALWAYS_INLINE int32x4_t whole_sums(const int32x4_t *planes) { return vaddq_s32(vshlq_n_s32(planes[0], 8), planes[1]); }
