/* Norms and rotation of a row. */
#pragma once
#include "lanes.h"
#include "model.h"

static inline float sum_of_products(const float *a, const float *b, int n) {
    float lanes[LANES] = {0}, rest = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += a[i + lane] * b[i + lane];
    for (; i < n; i++) rest += a[i] * b[i];
    return sum_of_lanes(lanes) + rest;
}

/* y may be x. */
static inline void rms_norm(const float *x, const float *restrict weight, int n, float eps, float *y) {
    float scale = 1.0f / sqrtf(sum_of_products(x, x, n) / (float)n + eps);
    for (int i = 0; i < n; i++) y[i] = x[i] * scale * weight[i];
}

/* y is not x. */
static inline void layer_norm(const float *restrict x, norm_t norm, int n, float eps, float *restrict y) {
    float mean = sum_of(x, n) / (float)n;
    for (int i = 0; i < n; i++) y[i] = x[i] - mean;
    float scale = 1.0f / sqrtf(sum_of_products(y, y, n) / (float)n + eps);
    for (int i = 0; i < n; i++) y[i] = y[i] * scale * norm.weight[i] + norm.bias[i];
}

static inline void normalize(const model_t *m, const float *x, norm_t norm, float *y) {
    if (norm.bias)
        layer_norm(x, norm, m->hidden, m->eps, y);
    else
        rms_norm(x, norm.weight, m->hidden, m->eps, y);
}

static inline void rotate(float *restrict x, const float *restrict cosine, const float *restrict sine, int head_dim) {
    int half = head_dim / 2;
    for (int i = 0; i < half; i++) {
        float low = x[i], high = x[i + half];
        x[i] = low * cosine[i] + high * sine[i];
        x[i + half] = high * cosine[i + half] + low * sine[i + half];
    }
}
