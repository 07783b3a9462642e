/* Sampling of the next token on one core: the probabilities of an n-gram index are mixed in as in ngram/mixture.py, and a
 * token is chosen as in decoding/sampler.py.
 *
 * In torch this takes a dozen calls of small operators, which cost more than the arithmetic.
 */
#include "lanes.h"
#include <float.h>

/* Write e^((x - largest) * times) and return the sum. */
static float exponentials(const float *restrict x, int n, float largest, float times, float *restrict out) {
    for (int i = 0; i < n; i++) {
        float power = (x[i] - largest) * times, value = exponential(power);
        out[i] = power > -87.0f ? value : 0.0f;
    }
    return sum_of(out, n);
}

/* Return the index of the largest number, the first one among equals. */
static int largest_of(const float *x, int n) {
    float lanes[LANES], largest = -FLT_MAX;
    int i = 0;
    for (int lane = 0; lane < LANES; lane++) lanes[lane] = -FLT_MAX;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    for (int lane = 0; lane < LANES; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
    for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (i = 0; i + LANES <= n; i += LANES) { /* in blocks, because a loop with an early exit is not vectorized */
        int found = 0;
        for (int lane = 0; lane < LANES; lane++) found |= x[i + lane] == largest;
        if (found) break;
    }
    while (i < n - 1 && x[i] != largest) i++;
    return i;
}

#define MAX_NUCLEUS 64 /* a nucleus is rarely larger, and each of its tokens costs a scan of all tokens */

/* Choose a token as in decoding/sampler.py.
 *
 * temperature: 0 takes the most likely token.  top_p: probability mass of the nucleus.  chance: uniform in [0, 1).
 * masses: workspace for n numbers.  logprob: output, before temperature and top_p.
 * Returns the token, or -1 if the nucleus is too large. */
int infill_choose(
    const float *logits, int n, float temperature, double top_p, double chance, float *masses, float *logprob) {
    int best = largest_of(logits, n), chosen = best, nucleus[MAX_NUCLEUS], count = 0;
    float largest = logits[best], all = logf(exponentials(logits, n, largest, 1.0f, masses));
    if (temperature > 0) {
        double mass_of[MAX_NUCLEUS], total = exponentials(logits, n, largest, 1.0f / temperature, masses), before = 0;
        while (top_p < 1 && count < n && before <= top_p * total) {
            if (count == MAX_NUCLEUS) return -1;
            int next = count ? largest_of(masses, n) : best;
            nucleus[count] = next;
            before += mass_of[count++] = masses[next];
            masses[next] = -1;
        }
        double point = chance * (top_p < 1 ? before : total);
        for (int i = 0; i < (top_p < 1 ? count : n); i++) {
            point -= top_p < 1 ? mass_of[i] : masses[i];
            if (point < 0) {
                chosen = top_p < 1 ? nucleus[i] : i;
                break;
            }
        }
    }
    *logprob = logits[chosen] - largest - all;
    return chosen;
}

/* A tokenizer may know more tokens than the model. */
static int is_token(int64_t id, int n) { return id >= 0 && id < n; }

/* Compilers may assume that no computed number is infinite. */
static const uint32_t minus_infinity = 0xff800000;

/* Mix the probabilities of an n-gram index into a distribution as in ngram/mixture.py, and keep only the allowed tokens.
 *
 * left: weight of the model.  ids, added: `count` tokens and the probability mass that each gets from the index.
 * allowed: `choices` tokens; 0 choices allow all.  workspace: for max(n, choices) numbers.
 * scores: log-probabilities, (n). */
void infill_mix(const float *logits, int n, double left, const int64_t *ids, const float *added, int count,
    const int64_t *allowed, int choices, float *workspace, float *scores) {
    float largest = logits[largest_of(logits, n)], all = logf(exponentials(logits, n, largest, 1.0f, scores));
    float shift = (float)log(left) - largest - all;
    for (int i = 0; i < n; i++) scores[i] = logits[i] + shift;
    for (int i = 0; i < count; i++)
        if (is_token(ids[i], n)) scores[ids[i]] = logf(expf(scores[ids[i]]) + added[i]);
    if (choices == 0) return;
    for (int i = 0; i < choices; i++)
        if (is_token(allowed[i], n)) workspace[i] = scores[allowed[i]];
    for (int i = 0; i < n; i++) memcpy(scores + i, &minus_infinity, sizeof *scores);
    for (int i = 0; i < choices; i++)
        if (is_token(allowed[i], n)) scores[allowed[i]] = workspace[i];
}
