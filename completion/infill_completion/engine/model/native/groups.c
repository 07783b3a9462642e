/* Linear layers with 4-bit weights in groups, and inputs that are rounded to 16 bits.
 *
 * A row of 16-bit integers x is stored as two planes of signed bytes, x = 256 upper + lower.  The sums of a group are exact
 * integers on every processor; the groups are added up in float32, in order.  So each row is computed alike, however many
 * rows there are.
 */
#include "groups.h"
#include "tile.h"

#define LARGEST (127 * 256) /* more would not fit the upper plane */
#define QUADS (GROUP_INPUTS / 4)

typedef struct { /* a row of inputs */
    const int8_t *upper, *lower; /* (groups * GROUP_INPUTS) */
    const float *sum;            /* (groups) */
} planes_t;

static int groups_of(int inputs) { return (inputs + GROUP_INPUTS - 1) / GROUP_INPUTS; }

int infill_grouped_row_bytes(int inputs) { return groups_of(inputs) * (2 * GROUP_INPUTS + (int)sizeof(float)); }

static planes_t planes_of(void *workspace, int inputs, int row) {
    int groups = groups_of(inputs);
    int8_t *upper = (int8_t *)workspace + (ptrdiff_t)row * infill_grouped_row_bytes(inputs);
    int8_t *lower = upper + groups * GROUP_INPUTS;
    return (planes_t){upper, lower, (const float *)(lower + groups * GROUP_INPUTS)};
}

/* Round a row and return the value of the integer 1. */
static float round_row(const float *restrict x, int inputs, planes_t to) {
    float scale = (float)LARGEST / largest_size(x, inputs);
    int8_t *restrict upper = (int8_t *)to.upper, *restrict lower = (int8_t *)to.lower;
    int all = groups_of(inputs) * GROUP_INPUTS;
    for (int i = 0; i < inputs; i++) {
        int32_t rounded = (int32_t)rintf(x[i] * scale), high = (rounded + 128) >> 8;
        upper[i] = (int8_t)high;
        lower[i] = (int8_t)(rounded - high * 256);
    }
    for (int i = inputs; i < all; i++) upper[i] = lower[i] = 0;
    for (int g = 0; g < all / GROUP_INPUTS; g++) {
        int32_t sum = 0;
        for (int i = g * GROUP_INPUTS; i < (g + 1) * GROUP_INPUTS; i++) sum += upper[i] * 256 + lower[i];
        ((float *)to.sum)[g] = (float)sum;
    }
    return 1.0f / scale;
}

#if defined(HAS_VNNI)
#define ROWS 4
#define GROUPS_AHEAD 16

ALWAYS_INLINE __m512i broadcast(const int8_t *four) {
    int32_t bits;
    memcpy(&bits, four, sizeof bits);
    return _mm512_set1_epi32(bits);
}

ALWAYS_INLINE void dot(const group_t *weight, int groups, const planes_t *x, const int rows, float *y) {
    __m512 totals[ROWS];
    const __m512i mask = _mm512_set1_epi8(15);
    UNROLLED
    for (int r = 0; r < rows; r++) totals[r] = _mm512_setzero_ps();
    for (int g = 0; g < groups; g++, weight++) {
        __m512i upper[ROWS], lower[ROWS];
        prefetch(weight + GROUPS_AHEAD, sizeof *weight);
        UNROLLED
        for (int r = 0; r < rows; r++) upper[r] = lower[r] = _mm512_setzero_si512();
        UNROLLED
        for (int q = 0; q < QUADS; q += 2) {
            __m512i both = _mm512_loadu_si512(weight->numbers[q / 2]);
            __m512i numbers[2] = {_mm512_and_si512(both, mask), _mm512_and_si512(_mm512_srli_epi16(both, 4), mask)};
            UNROLLED
            for (int r = 0; r < rows; r++) {
                UNROLLED
                for (int i = 0; i < 2; i++) {
                    int at = g * GROUP_INPUTS + (q + i) * 4;
                    upper[r] = _mm512_dpbusd_epi32(upper[r], numbers[i], broadcast(x[r].upper + at));
                    lower[r] = _mm512_dpbusd_epi32(lower[r], numbers[i], broadcast(x[r].lower + at));
                }
            }
        }
        __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)weight->scale));
        __m512 minimum = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)weight->minimum));
        UNROLLED
        for (int r = 0; r < rows; r++) {
            __m512i sums = _mm512_add_epi32(_mm512_slli_epi32(upper[r], 8), lower[r]);
            totals[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scale, totals[r]);
            totals[r] = _mm512_fmadd_ps(_mm512_set1_ps(x[r].sum[g]), minimum, totals[r]);
        }
    }
    UNROLLED
    for (int r = 0; r < rows; r++) _mm512_storeu_ps(y + r * GROUP_OUTPUTS, totals[r]);
}
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>
#define ROWS 1
#define GROUPS_AHEAD 16

ALWAYS_INLINE __m256i broadcast(const int8_t *four) {
    int32_t bits;
    memcpy(&bits, four, sizeof bits);
    return _mm256_set1_epi32(bits);
}

/* Half of the outputs at a time.  A 16-bit lane adds 16 products of at most 15 * 128, which fits. */
ALWAYS_INLINE void dot(const group_t *weight, int groups, const planes_t *x, const int rows, float *y) {
    (void)rows;
    __m256 totals[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    const __m256i mask = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    for (int g = 0; g < groups; g++, weight++) {
        __m256i upper[2], lower[2];
        prefetch(weight + GROUPS_AHEAD, sizeof *weight);
        UNROLLED
        for (int h = 0; h < 2; h++) upper[h] = lower[h] = _mm256_setzero_si256();
        UNROLLED
        for (int q = 0; q < QUADS; q += 2) {
            const int8_t *high = x->upper + g * GROUP_INPUTS + q * 4, *low = x->lower + g * GROUP_INPUTS + q * 4;
            UNROLLED
            for (int h = 0; h < 2; h++) {
                __m256i both = _mm256_loadu_si256((const void *)(weight->numbers[q / 2] + 32 * h));
                __m256i first = _mm256_and_si256(both, mask);
                __m256i second = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
                upper[h] = _mm256_add_epi16(upper[h], _mm256_maddubs_epi16(first, broadcast(high)));
                lower[h] = _mm256_add_epi16(lower[h], _mm256_maddubs_epi16(first, broadcast(low)));
                upper[h] = _mm256_add_epi16(upper[h], _mm256_maddubs_epi16(second, broadcast(high + 4)));
                lower[h] = _mm256_add_epi16(lower[h], _mm256_maddubs_epi16(second, broadcast(low + 4)));
            }
        }
        UNROLLED
        for (int h = 0; h < 2; h++) {
            __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(weight->scale + 8 * h)));
            __m256 minimum = _mm256_cvtph_ps(_mm_loadu_si128((const void *)(weight->minimum + 8 * h)));
            __m256i sums = _mm256_add_epi32(
                _mm256_slli_epi32(_mm256_madd_epi16(upper[h], ones), 8), _mm256_madd_epi16(lower[h], ones));
            totals[h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), scale, totals[h]);
            totals[h] = _mm256_fmadd_ps(_mm256_set1_ps(x->sum[g]), minimum, totals[h]);
        }
    }
    _mm256_storeu_ps(y, totals[0]);
    _mm256_storeu_ps(y + 8, totals[1]);
}
#else
#define ROWS 1

/* Return a float16 as float32; scales are finite. */
static float widened(uint16_t half) {
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

static void dot(const group_t *weight, int groups, const planes_t *x, int rows, float *y) {
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
#endif

static void store(const float *sums, float unit, int count, float *y) {
    for (int o = 0; o < count; o++) y[o] = sums[o] * unit;
}

void infill_grouped(
    const group_t *weight, int outputs, int inputs, const float *x, int rows, void *workspace, float *y) {
    int groups = groups_of(inputs);
    float unit[MAX_ROWS], sums[ROWS * GROUP_OUTPUTS];
    planes_t planes[MAX_ROWS];
    for (int r = 0; r < rows; r++) {
        planes[r] = planes_of(workspace, inputs, r);
        unit[r] = round_row(x + (ptrdiff_t)r * inputs, inputs, planes[r]);
    }
    for (int o = 0; o < outputs; o += GROUP_OUTPUTS, weight += groups) {
        int count = outputs - o < GROUP_OUTPUTS ? outputs - o : GROUP_OUTPUTS, r = 0;
        for (; r + ROWS <= rows; r += ROWS) {
            dot(weight, groups, planes + r, ROWS, sums);
            for (int i = 0; i < ROWS; i++)
                store(sums + i * GROUP_OUTPUTS, unit[r + i], count, y + (ptrdiff_t)(r + i) * outputs + o);
        }
        for (; r < rows; r++) {
            dot(weight, groups, planes + r, 1, sums);
            store(sums, unit[r], count, y + (ptrdiff_t)r * outputs + o);
        }
    }
}
