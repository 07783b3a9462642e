/* Arithmetic on rows of float32 for all parts of the step. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

/* e^x after Cephes' expf.  It has no branch, so that loops over it are vectorized; x is clamped to the range of float32. */
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 87.0f ? 87.0f : x;
    float n = rintf(x * 1.44269504f), r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float y = 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return y * power;
}

/* Sums are computed in LANES partial sums in a fixed order.  The compiler turns the lanes into a vector; if it were free
 * to reorder the sum, results could differ between calls. */
#define LANES 16
static inline float sum_of_lanes(float *lanes) {
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
    return lanes[0];
}

static inline float sum_of(const float *a, int n) {
    float lanes[LANES] = {0}, rest = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += a[i + lane];
    for (; i < n; i++) rest += a[i];
    return sum_of_lanes(lanes) + rest;
}

/* Return the largest absolute value; never 0, because the caller divides by it. */
static inline float largest_size(const float *x, int n) {
    float largest = 1e-30f;
    for (int i = 0; i < n; i++) {
        float size = fabsf(x[i]);
        largest = size > largest ? size : largest;
    }
    return largest;
}

/* silu(gate) * up */
static inline void gate(const float *restrict gates, const float *restrict ups, int n, float *restrict out) {
    for (int i = 0; i < n; i++) out[i] = gates[i] / (1.0f + exponential(-gates[i])) * ups[i];
}

/* The approximation of GELU by tanh: x (1 + tanh u) / 2 = x / (1 + e^-2u) with u = sqrt(2 / pi) (x + 0.044715 x^3). */
static inline void gelu(const float *restrict x, int n, float *restrict out) {
    for (int i = 0; i < n; i++)
        out[i] = x[i] / (1.0f + exponential(-1.59576912f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
}
