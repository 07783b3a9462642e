/* What both types of ARM processors share: groups of 4 bits, and attention with sdot, which adds the products of four pairs
 * of signed bytes to each lane.
 */
#include <arm_neon.h>

/* Add up the lanes of each of TILE vectors, all at once. */
ALWAYS_INLINE int32x4_t sum_up_integers(const int32x4_t *lanes) {
    return vpaddq_s32(vpaddq_s32(lanes[0], lanes[1]), vpaddq_s32(lanes[2], lanes[3]));
}

ALWAYS_INLINE float32x2_t half_joined(int32x2_t upper, int32x2_t lower, int32x2_t rest) {
    int64x2_t sums = vaddw_s32(vaddl_s32(lower, vdup_n_s32(0)), rest);
    return vcvt_f32_f64(vcvtq_f64_s64(vaddq_s64(vshll_n_s32(upper, 8), sums)));
}

/* 256 upper + lower + rest, rounded once. */
ALWAYS_INLINE float32x4_t joined_exactly(int32x4_t upper, int32x4_t lower, int32x4_t rest) {
    float32x2_t first = half_joined(vget_low_s32(upper), vget_low_s32(lower), vget_low_s32(rest));
    return vcombine_f32(first, half_joined(vget_high_s32(upper), vget_high_s32(lower), vget_high_s32(rest)));
}

/* Four bytes, four times. */
ALWAYS_INLINE int8x16_t broadcast(const int8_t *four) {
    int32_t bits;
    memcpy(&bits, four, sizeof bits);
    return vreinterpretq_s8_s32(vdupq_n_s32(bits));
}

ALWAYS_INLINE float32x4_t in_float32(const uint16_t *halves) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
}

/* ---- 4 bits ---- */

#define GROUP_ROWS 2
#define PARTS (GROUP_OUTPUTS / 4)

/* Of each type: add the products of the numbers of eight inputs, from `at` on, with the rows; and return the sums of four
 * outputs from the two vectors in which they are added up. */
ALWAYS_INLINE void add_eight(
    int32x4_t (*sums)[PARTS][2], const uint8_t *numbers, const planes_t *x, int at, const int rows);
ALWAYS_INLINE int32x4_t whole_sums(const int32x4_t *two);

ALWAYS_INLINE void dot_groups(const group_t *weight, int groups, const planes_t *x, const int rows, float *y) {
    float32x4_t totals[GROUP_ROWS][PARTS];
    UNROLLED
    for (int r = 0; r < rows; r++) {
        UNROLLED
        for (int p = 0; p < PARTS; p++) totals[r][p] = vdupq_n_f32(0);
    }
    for (int g = 0; g < groups; g++, weight++) {
        int32x4_t sums[GROUP_ROWS][PARTS][2];
        prefetch_weights(weight, sizeof *weight, GROUPS_AHEAD);
        UNROLLED
        for (int r = 0; r < rows; r++) {
            UNROLLED
            for (int p = 0; p < PARTS; p++) sums[r][p][0] = sums[r][p][1] = vdupq_n_s32(0);
        }
        UNROLLED
        for (int q = 0; q < QUADS / 2; q++) add_eight(sums, weight->numbers[q], x, g * GROUP_INPUTS + q * 8, rows);
        UNROLLED
        for (int p = 0; p < PARTS; p++) {
            float32x4_t scale = in_float32(weight->scale + 4 * p), minimum = in_float32(weight->minimum + 4 * p);
            UNROLLED
            for (int r = 0; r < rows; r++) {
                totals[r][p] = vfmaq_f32(totals[r][p], vcvtq_f32_s32(whole_sums(sums[r][p])), scale);
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

/* ---- attention ---- */

#define FAST_HEAD_DIM 16 /* attention is fast for multiples of it */
#define MIX_NUMBERS 32 /* of a value at once: so many sums fit the registers */

/* Round a row to 16 bits in two planes of signed bytes, x = 256 upper + lower, and return how many integers make 1. */
static inline float write_planes(const float *restrict x, int n, int8_t *restrict upper, int8_t *restrict lower) {
    float scale = (float)LARGEST_ROUNDED / largest_size(x, n);
    for (int i = 0; i < n; i++) {
        int32_t rounded = (int32_t)rintf(x[i] * scale), high = (rounded + 128) >> 8;
        upper[i] = (int8_t)high;
        lower[i] = (int8_t)(rounded - high * 256);
    }
    return scale;
}

ALWAYS_INLINE void score(
    const float *query, kv_rows_t keys, const visible_t *visible, const int head_dim, float *scores) {
    int8_t upper[MAX_HEAD_DIM], lower[MAX_HEAD_DIM];
    float scale = write_planes(query, head_dim, upper, lower);
    for (int t = 0; t < visible->count; t += TILE) {
        int32x4_t high[TILE], low[TILE];
        UNROLLED
        for (int k = 0; k < TILE; k++) {
            const int8_t *key = row_of(keys, visible, t + k, head_dim);
            prefetch(key + KV_AHEAD, head_dim);
            high[k] = low[k] = vdupq_n_s32(0);
            for (int i = 0; i < head_dim; i += 16) {
                high[k] = vdotq_s32(high[k], vld1q_s8(key + i), vld1q_s8(upper + i));
                low[k] = vdotq_s32(low[k], vld1q_s8(key + i), vld1q_s8(lower + i));
            }
        }
        int32x4_t sums = vaddq_s32(vshlq_n_s32(sum_up_integers(high), 8), sum_up_integers(low));
        vst1q_f32(scores + t, vcvtq_f32_s32(sums));
    }
    multiply_by_scales(scores, keys.scale, 1.0f / (scale * sqrtf((float)head_dim)), visible);
}

/* Mix `width` numbers of the values, from `first` on.  After two rounds of zipping the values of four tokens for the same
 * number are adjacent. */
ALWAYS_INLINE void mix_part(const int8_t *upper, const int8_t *lower, kv_rows_t values, const visible_t *visible,
    int head_dim, int first, const int width, float factor, float *out) {
    int32x4_t high[MIX_NUMBERS / 4], low[MIX_NUMBERS / 4];
    for (int i = 0; i < width / 4; i++) high[i] = low[i] = vdupq_n_s32(0);
    for (int t = 0; t < visible->count; t += TILE) {
        const int8_t *row[TILE];
        int8x16_t high_weights = broadcast(upper + t), low_weights = broadcast(lower + t);
        UNROLLED
        for (int k = 0; k < TILE; k++) {
            row[k] = row_of(values, visible, t + k, head_dim) + first;
            prefetch(row[k] + KV_AHEAD, width);
        }
        for (int i = 0; i < width / 16; i++) {
            int8x16_t a = vld1q_s8(row[0] + 16 * i), b = vld1q_s8(row[1] + 16 * i);
            int8x16_t c = vld1q_s8(row[2] + 16 * i), d = vld1q_s8(row[3] + 16 * i);
            int16x8_t ab = vreinterpretq_s16_s8(vzip1q_s8(a, b)), cd = vreinterpretq_s16_s8(vzip1q_s8(c, d));
            int16x8_t more_ab = vreinterpretq_s16_s8(vzip2q_s8(a, b)), more_cd = vreinterpretq_s16_s8(vzip2q_s8(c, d));
            int16x8_t four[4] = {
                vzip1q_s16(ab, cd), vzip2q_s16(ab, cd), vzip1q_s16(more_ab, more_cd), vzip2q_s16(more_ab, more_cd)};
            UNROLLED
            for (int j = 0; j < 4; j++) {
                int8x16_t bytes = vreinterpretq_s8_s16(four[j]);
                high[4 * i + j] = vdotq_s32(high[4 * i + j], bytes, high_weights);
                low[4 * i + j] = vdotq_s32(low[4 * i + j], bytes, low_weights);
            }
        }
    }
    for (int i = 0; i < width / 4; i++)
        vst1q_f32(out + first + 4 * i, vmulq_n_f32(joined_exactly(high[i], low[i], vdupq_n_s32(0)), factor));
}

ALWAYS_INLINE void mix(const float *weights, kv_rows_t values, const visible_t *visible, const int head_dim,
    void *workspace, float factor, float *out) {
    int count = visible->count, all = padded(count), i = 0;
    int8_t *upper = workspace, *lower = upper + all;
    factor /= write_planes(weights, count, upper, lower);
    for (int t = count; t < all; t++) upper[t] = lower[t] = 0;
    for (; i + MIX_NUMBERS <= head_dim; i += MIX_NUMBERS)
        mix_part(upper, lower, values, visible, head_dim, i, MIX_NUMBERS, factor, out);
    for (; i < head_dim; i += FAST_HEAD_DIM)
        mix_part(upper, lower, values, visible, head_dim, i, FAST_HEAD_DIM, factor, out);
}
