/* Attention of one token over keys and values that are kept as 8-bit integers, with a scale for each token of a head. */
#include <stdint.h>

#define MOST_WIDTH 256 /* of a head */

typedef struct { /* keys or values of a head */
    int8_t *numbers; /* (places, width) */
    float *scale; /* (places) */
} kept_t;

/* What a token sees: the first `shared` places, and from `first` on every `ways`-th, `count` in all; see fork.py. */
typedef struct {
    int32_t shared, first, ways, count;
} seen_t;

/* Round the numbers of a token, (width), to what stands at a place. */
void infill_keep(const float *x, int width, kept_t to, int place);

/* Return how many float32 infill_attend needs for so many places. */
int infill_attend_room(int places);

/* Mix the values that a query (width) sees into out (width). */
void infill_attend(
    const float *query, kept_t keys, kept_t values, const seen_t *seen, int width, float *room, float *out);
