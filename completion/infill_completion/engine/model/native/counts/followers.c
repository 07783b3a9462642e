/* What followed the last tokens of a text elsewhere in it: the counts of ngram/index.py, blended as in ngram/mixture.py.
 *
 * A frequent token, such as a line break, has thousands of places.  The masses of all levels are computed in two passes
 * over them: the first finds the weight of each level, and the second gives each place the coefficients of all levels that
 * it belongs to at once. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define BORDER (-1) /* between texts, as in ngram/index.py */
#define MAX_ORDER 256 /* as in ngram/compiled.py */

typedef struct { /* as in ngram/compiled.py */
    const int32_t *ids; /* the text after the cursor, then those before it, with a border between any two */
    const int32_t *places; /* of each token of the first `placed` ids: token t is at places[starts[t]] and on */
    const int32_t *starts; /* (tokens + 1) */
    const double *weights; /* of a place by its distance from the cursor */
    int32_t tokens, placed, after; /* `after`: length of the text after the cursor */
    int32_t max_order, max_places; /* `max_places`: so many places are considered where only one token agrees */
    int32_t end_tokens; /* where so many tokens are those at the start of all ids, the gap ends; 0: nowhere */
    int32_t end_token; /* what follows there */
    int32_t length, known; /* of all ids, and of those that were not generated */
} texts_t;

typedef struct { /* see MixtureParameters in ngram/mixture.py */
    double bias, order_gain, count_gain, purity_gain;
} gains_t;

typedef struct { /* memory for all places of a token */
    int32_t *places, *sorted, *orders, *followers;
    int32_t *table; /* four times as many */
    double *weights, *sums;
} work_t;

/* Return in how many tokens the text up to a place agrees with the end of the text, which it does in one. */
static int order_at(const texts_t *a, int place) {
    int last = a->length - 1, order = 1, most = place + 1 < a->max_order ? place + 1 : a->max_order;
    while (order < most && a->ids[place - order] == a->ids[last - order] && a->ids[place - order] != BORDER) order++;
    return order;
}

static int distance_of(const texts_t *a, int place) { return place < a->after ? place : a->length - place; }

/* Write the places of the last token before the last one, rising; return how many there are. */
static int places_of_last(const texts_t *a, int32_t *places) {
    int last = a->length - 1, count = 0, token = last < 0 ? BORDER : a->ids[last];
    if (token == BORDER) return 0;
    if (token < a->tokens)
        for (int i = a->starts[token]; i < a->starts[token + 1] && a->places[i] < last; i++)
            places[count++] = a->places[i];
    for (int place = a->placed; place < last; place++)
        if (a->ids[place] == token) places[count++] = place;
    return count;
}

/* Return the place nearest to the cursor among those where most tokens agree, at least `least`; -1 where there is none. */
int infill_longest_match(const texts_t *a, int least, int32_t *places) {
    int count = places_of_last(a, places), best = -1, longest = least;
    for (int i = 0; i < count; i++) {
        int order = order_at(a, places[i]);
        if (order < longest) continue;
        if (order > longest || best < 0 || distance_of(a, places[i]) <= distance_of(a, best)) best = places[i];
        longest = order;
    }
    return best;
}

static int32_t follower_of(const texts_t *a, int place) {
    int next = place + 1, size = a->end_tokens;
    int is_end = size > 0 && next + size <= a->known && memcmp(a->ids + next, a->ids, size * sizeof *a->ids) == 0;
    return is_end ? a->end_token : a->ids[next];
}

/* Move the nearest `kept` of `count` rising places to the front. */
static void keep_nearest(const texts_t *a, int32_t *places, int count, int kept, int32_t *nearest) {
    int low = 0, high = count - 1;
    for (int i = 0; i < kept; i++) {
        int is_after = places[low] < a->after && distance_of(a, places[low]) <= distance_of(a, places[high]);
        nearest[i] = is_after ? places[low++] : places[high--];
    }
    memcpy(places, nearest, kept * sizeof *places);
}

/* Sort the places that something follows by how many tokens agree, most first, and drop the far ones of a single token.
 *
 * ends: output: where the places of each order end. */
static void sort_places(const texts_t *a, const work_t *w, int32_t *ends) {
    int count = places_of_last(a, w->places), at = 0;
    memset(ends, 0, (MAX_ORDER + 1) * sizeof *ends);
    for (int i = 0; i < count; i++) {
        w->orders[i] = a->ids[w->places[i] + 1] == BORDER ? 0 : order_at(a, w->places[i]);
        ends[w->orders[i]]++;
    }
    int alone = ends[1]; /* so many agree in one token only */
    for (int order = MAX_ORDER; order > 0; order--) {
        int many = ends[order];
        ends[order] = at;
        at += many;
    }
    for (int i = 0; i < count; i++)
        if (w->orders[i]) w->sorted[ends[w->orders[i]]++] = w->places[i];
    if (alone <= a->max_places) return;
    keep_nearest(a, w->sorted + ends[1] - alone, alone, a->max_places, w->places);
    ends[1] -= alone - a->max_places;
}

/* Return the number of a token among the `seen` ones; a new one gets the next number. */
static int number_of(int32_t token, int32_t *table, int mask, int64_t *ids, int *seen) {
    uint32_t at = (uint32_t)token * 2654435761u;
    for (at ^= at >> 15; table[at & mask] >= 0; at++)
        if (ids[table[at & mask]] == token) return table[at & mask];
    ids[*seen] = token;
    return table[at & mask] = (*seen)++;
}

/* Find what follows each of the sorted places and how much it counts; return how many tokens there are. */
static int find_followers(const texts_t *a, const work_t *w, int count, int64_t *ids) {
    int seen = 0, slots = 1;
    while (slots < 2 * count) slots *= 2;
    memset(w->table, -1, slots * sizeof *w->table);
    for (int i = 0; i < count; i++) {
        w->followers[i] = number_of(follower_of(a, w->sorted[i]), w->table, slots - 1, ids, &seen);
        w->weights[i] = a->weights[distance_of(a, w->sorted[i])];
    }
    return seen;
}

/* Write what the places of each order give to what follows them, for a weight of 1; return what is left to the model. */
static double weigh_levels(const work_t *w, const gains_t *gains, const int32_t *ends, double *given) {
    double left = 1, total = 0, top = 0;
    int i = 0;
    for (int order = MAX_ORDER; order > 0; order--) {
        int begin = i;
        for (; i < ends[order]; i++) {
            double sum = w->sums[w->followers[i]] += w->weights[i];
            total += w->weights[i];
            top = sum > top ? sum : top;
        }
        given[order] = 0;
        if (i == begin || total <= 0) continue;
        double logit = gains->bias + gains->order_gain * log(order) + gains->count_gain * log(i) +
            gains->purity_gain * (top / total);
        double mass = left / (1 + exp(-logit));
        left -= mass;
        given[order] = mass / total;
    }
    for (int order = 2; order <= MAX_ORDER; order++) given[order] += given[order - 1]; /* levels hold the longer ones */
    return left;
}

/* Blend what followed the end of the text at all other places, as `blend` in ngram/mixture.py does.
 *
 * size: no token has more places.  numbers, reals: workspace for 8 * size and 2 * size of them.
 * ids, masses: output: the tokens, and the probability mass of each, (size).  left: output: the weight left to the model.
 * Returns how many tokens there are. */
int infill_blend(const texts_t *a, const gains_t *gains, int size, int32_t *numbers, double *reals, int64_t *ids,
    double *masses, double *left) {
    work_t w = {
        numbers, numbers + size, numbers + 2 * size, numbers + 3 * size, numbers + 4 * size, reals, reals + size};
    int32_t ends[MAX_ORDER + 1];
    double given[MAX_ORDER + 1];
    sort_places(a, &w, ends);
    int seen = find_followers(a, &w, ends[1], ids);
    memset(w.sums, 0, seen * sizeof *w.sums);
    memset(masses, 0, seen * sizeof *masses);
    *left = weigh_levels(&w, gains, ends, given);
    for (int order = MAX_ORDER, i = 0; order > 0; order--)
        for (; i < ends[order]; i++) masses[w.followers[i]] += w.weights[i] * given[order];
    return seen;
}
