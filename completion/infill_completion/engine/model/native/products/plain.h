/* Products in plain C, for the compiler to make the best of. */
#define PRODUCTS "plain"
#define HAS_BYTE_PRODUCTS 0

/* ---- 8 bits ---- */

#define BYTE_BLOCK 256 /* that many products of at most 127 * 32767 fit an int32 */
#define BYTE_ROWS 1
#define ZERO_POINT 0

static inline void write_rounded(const float *restrict x, int n, float scale, int16_t *restrict rounded) {
    for (int i = 0; i < n; i++) rounded[i] = (int16_t)(int32_t)rintf(x[i] * scale);
}

ALWAYS_INLINE void dot_bytes(const int8_t *weight, const int32_t *weight_sums, int inputs, int weights,
    const int16_t *x, int rows, float *y, int stride) {
    (void)weight_sums;
    for (int r = 0; r < rows; r++, x += inputs, y += stride)
        for (int w = 0; w < weights; w++) {
            int64_t sum = 0;
            for (int start = 0; start < inputs; start += BYTE_BLOCK) {
                int end = start + BYTE_BLOCK < inputs ? start + BYTE_BLOCK : inputs;
                int32_t part = 0;
                for (int i = start; i < end; i++) part += (int16_t)weight[(ptrdiff_t)w * inputs + i] * x[i];
                sum += part;
            }
            y[w] = (float)sum;
        }
}

/* ---- 4 bits ---- */

#define GROUP_ROWS 1

/* Return a float16 as float32; scales are finite. */
static inline float widened(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff, bits = (rest << 13) + (112u << 23);
    float value;
    if (rest < 0x400) {
        value = (float)rest * 0x1p-24f;
        return sign ? -value : value;
    }
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline void dot_groups(const group_t *weight, int groups, const planes_t *x, int rows, float *y) {
    (void)rows;
    float totals[GROUP_OUTPUTS] = {0};
    for (int g = 0; g < groups; g++, weight++) {
        int32_t sums[GROUP_OUTPUTS] = {0};
        for (int q = 0; q < QUADS; q++)
            for (int o = 0; o < GROUP_OUTPUTS; o++)
                for (int i = 0; i < 4; i++) {
                    int number = weight->numbers[q / 2][4 * o + i] >> (q % 2 * 4) & 15,
                        at = g * GROUP_INPUTS + q * 4 + i;
                    sums[o] += number * (x->upper[at] * 256 + x->lower[at]);
                }
        for (int o = 0; o < GROUP_OUTPUTS; o++) {
            totals[o] += (float)sums[o] * widened(weight->scale[o]);
            totals[o] += x->sum[g] * widened(weight->minimum[o]);
        }
    }
    memcpy(y, totals, sizeof totals);
}
