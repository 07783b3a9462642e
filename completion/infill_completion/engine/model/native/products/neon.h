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

#define GROUP_ROWS 2
#define PARTS (GROUP_OUTPUTS / 4)

/* Add the products of the numbers of eight inputs, from `at` on, with the rows. */
ALWAYS_INLINE void add_eight(int32x4_t (*upper)[PARTS], int32x4_t (*lower)[PARTS], const uint8_t *numbers,
    const planes_t *x, int at, const int rows) {
    UNROLLED
    for (int p = 0; p < PARTS; p++) {
        uint8x16_t both = vld1q_u8(numbers + 16 * p);
        int8x16_t first = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15)));
        int8x16_t second = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
        UNROLLED
        for (int r = 0; r < rows; r++) {
            upper[r][p] = vdotq_s32(upper[r][p], first, broadcast(x[r].upper + at));
            lower[r][p] = vdotq_s32(lower[r][p], first, broadcast(x[r].lower + at));
            upper[r][p] = vdotq_s32(upper[r][p], second, broadcast(x[r].upper + at + 4));
            lower[r][p] = vdotq_s32(lower[r][p], second, broadcast(x[r].lower + at + 4));
        }
    }
}

ALWAYS_INLINE void dot_groups(const group_t *weight, int groups, const planes_t *x, const int rows, float *y) {
    float32x4_t totals[GROUP_ROWS][PARTS];
    UNROLLED
    for (int r = 0; r < rows; r++) {
        UNROLLED
        for (int p = 0; p < PARTS; p++) totals[r][p] = vdupq_n_f32(0);
    }
    for (int g = 0; g < groups; g++, weight++) {
        int32x4_t upper[GROUP_ROWS][PARTS], lower[GROUP_ROWS][PARTS];
        prefetch_weights(weight, sizeof *weight, GROUPS_AHEAD);
        UNROLLED
        for (int r = 0; r < rows; r++) {
            UNROLLED
            for (int p = 0; p < PARTS; p++) upper[r][p] = lower[r][p] = vdupq_n_s32(0);
        }
        UNROLLED
        for (int q = 0; q < QUADS / 2; q++)
            add_eight(upper, lower, weight->numbers[q], x, g * GROUP_INPUTS + q * 8, rows);
        UNROLLED
        for (int p = 0; p < PARTS; p++) {
            float32x4_t scale = in_float32(weight->scale + 4 * p), minimum = in_float32(weight->minimum + 4 * p);
            UNROLLED
            for (int r = 0; r < rows; r++) {
                int32x4_t sums = vaddq_s32(vshlq_n_s32(upper[r][p], 8), lower[r][p]);
                totals[r][p] = vfmaq_f32(totals[r][p], vcvtq_f32_s32(sums), scale);
                totals[r][p] = vfmaq_n_f32(totals[r][p], minimum, x[r].sum[g]);
            }
        }
    }
    UNROLLED
    for (int r = 0; r < rows; r++) {
        UNROLLED
        for (int p = 0; p < PARTS; p++) vst1q_f32(y + r * GROUP_OUTPUTS + 4 * p, totals[r][p]);
    }
}
