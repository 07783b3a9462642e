/* Read memory with some threads, for the rate at which a step could read its weights.
 *
 * No one order of reading is the fastest on every processor, so the caller tries several: each thread reads its part as
 * `streams` pieces side by side and asks for the line `ahead` bytes further on.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define LINE 64
#define WORDS (LINE / 8)
#define MOST_STREAMS 8
#define MOST_THREADS 64

typedef struct {
    const uint64_t *from;
    size_t bytes, ahead;
    int streams;
    uint64_t sum;
} part_t;

static inline __attribute__((always_inline)) uint64_t sum_of(const part_t *part, int streams) {
    uint64_t sums[MOST_STREAMS][WORDS] = {{0}}, sum = 0;
    size_t each = part->bytes / streams / LINE * LINE;
    for (size_t at = 0; at < each; at += LINE)
        for (int s = 0; s < streams; s++) {
            const uint64_t *line = part->from + (s * each + at) / 8;
            if (part->ahead) __builtin_prefetch((const char *)line + part->ahead, 0, 3);
            for (int i = 0; i < WORDS; i++) sums[s][i] += line[i];
        }
    for (int s = 0; s < streams; s++)
        for (int i = 0; i < WORDS; i++) sum += sums[s][i];
    return sum;
}

static void *read_part(void *which) {
    part_t *part = which;
    switch (part->streams) {
        case 1: part->sum = sum_of(part, 1); break;
        case 4: part->sum = sum_of(part, 4); break;
        default: part->sum = sum_of(part, MOST_STREAMS);
    }
    return NULL;
}

/* Return the nanoseconds that it takes to read all of it once; the sum keeps the compiler from leaving it out. */
int64_t read_ns(const uint64_t *from, size_t bytes, int threads, int streams, size_t ahead, uint64_t *sum) {
    struct timespec begin, end;
    pthread_t started[MOST_THREADS];
    part_t parts[MOST_THREADS];
    size_t each = bytes / threads / LINE * LINE;
    if (threads < 1 || threads > MOST_THREADS) return -1;
    for (int t = 0; t < threads; t++) parts[t] = (part_t){from + t * (each / 8), each, ahead, streams, 0};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int t = 1; t < threads; t++)
        if (pthread_create(started + t, NULL, read_part, parts + t)) return -1;
    read_part(parts);
    for (int t = 1; t < threads; t++) pthread_join(started[t], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (int t = 0; t < threads; t++) *sum += parts[t].sum;
    return (end.tv_sec - begin.tv_sec) * INT64_C(1000000000) + end.tv_nsec - begin.tv_nsec;
}
