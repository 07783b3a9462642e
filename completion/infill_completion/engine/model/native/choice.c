/* The choice of the next token on one core: what an index says is mixed in as cache_model.py does, and a token chosen as
 * sampler.py does.
 *
 * The same in torch is a dozen calls of small operators, which cost more than the arithmetic.
 */
#include "lanes.h"

/* Write e^((x - largest) * times) and return the sum. */
static float exponentials(const float *restrict x, int n, float largest, float times, float *restrict out) {
    for (int i = 0; i < n; i++) {
        float power = (x[i] - largest) * times, value = exponential(power);
        out[i] = power > -87.0f ? value : 0.0f;
    }
    return sum_of(out, n);
}

/* Return the first of the largest. */
static int largest_of(const float *x, int n) {
    float lanes[LANES], largest = -INFINITY;
    int i = 0;
    for (int lane = 0; lane < LANES; lane++) lanes[lane] = -INFINITY;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    for (int lane = 0; lane < LANES; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
    for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (i = 0; i + LANES <= n; i += LANES) { /* in blocks, because a loop that may end early is no vector loop */
        int found = 0;
        for (int lane = 0; lane < LANES; lane++) found |= x[i + lane] == largest;
        if (found) break;
    }
    while (i < n - 1 && x[i] != largest) i++;
    return i;
}

#define MOST_KEPT 64 /* a nucleus is hardly ever larger, and each of its tokens costs a look at all */

/* Choose a token as sampler.py does.
 *
 * temperature: 0 takes the likeliest.  top_p: mass of the nucleus.  chance: evenly drawn from 0 to 1.
 * masses: room for n numbers.  logprob: of the choice, before temperature and top_p.
 * Returns the token, or -1 where the nucleus is too large. */
int infill_choose(
    const float *logits, int n, float temperature, double top_p, double chance, float *masses, float *logprob) {
    int best = largest_of(logits, n), chosen = best, kept[MOST_KEPT], count = 0;
    float largest = logits[best], all = logf(exponentials(logits, n, largest, 1.0f, masses));
    if (temperature > 0) {
        double of_kept[MOST_KEPT], total = exponentials(logits, n, largest, 1.0f / temperature, masses), before = 0;
        while (top_p < 1 && count < n && before <= top_p * total) {
            if (count == MOST_KEPT) return -1;
            int next = count ? largest_of(masses, n) : best;
            kept[count] = next;
            before += of_kept[count++] = masses[next];
            masses[next] = -1;
        }
        double point = chance * (top_p < 1 ? before : total);
        for (int i = 0; i < (top_p < 1 ? count : n); i++) {
            point -= top_p < 1 ? of_kept[i] : masses[i];
            if (point < 0) {
                chosen = top_p < 1 ? kept[i] : i;
                break;
            }
        }
    }
    *logprob = logits[chosen] - largest - all;
    return chosen;
}

/* A tokenizer may know more tokens than the model. */
static int is_token(int64_t id, int n) { return id >= 0 && id < n; }

/* Mix what an index says into a distribution, as cache_model.py does, and leave nothing but the allowed tokens.
 *
 * left: the weight of the model.  ids, added: `count` tokens and the mass that each gets besides.
 * allowed: `choices` tokens; 0 of them allow all.  room: for n numbers.  scores: log-probabilities, (n). */
void infill_mix(const float *logits, int n, double left, const int64_t *ids, const float *added, int count,
    const int64_t *allowed, int choices, float *room, float *scores) {
    float largest = logits[largest_of(logits, n)], all = logf(exponentials(logits, n, largest, 1.0f, scores));
    float shift = (float)log(left) - largest - all;
    for (int i = 0; i < n; i++) scores[i] = logits[i] + shift;
    for (int i = 0; i < count; i++)
        if (is_token(ids[i], n)) scores[ids[i]] = logf(expf(scores[ids[i]]) + added[i]);
    if (choices == 0) return;
    for (int i = 0; i < choices; i++)
        if (is_token(allowed[i], n)) room[i] = scores[allowed[i]];
    for (int i = 0; i < n; i++) scores[i] = -INFINITY;
    for (int i = 0; i < choices; i++)
        if (is_token(allowed[i], n)) scores[allowed[i]] = room[i];
}
