/* Read memory that no cache holds with some threads, for the rate at which weights could be read. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define AHEAD 8192 /* bytes */
#define LINE 64
#define MOST_THREADS 64

typedef struct {
    const uint64_t *from;
    size_t bytes;
    uint64_t sum;
} part_t;

static void *read_part(void *which) {
    part_t *part = which;
    uint64_t sums[LINE / 8] = {0};
    for (size_t at = 0; at + LINE <= part->bytes; at += LINE) {
        __builtin_prefetch((const char *)part->from + at + AHEAD, 0, 3);
        for (int i = 0; i < LINE / 8; i++) sums[i] += part->from[at / 8 + i];
    }
    for (int i = 0; i < LINE / 8; i++) part->sum += sums[i];
    return NULL;
}

/* Return the nanoseconds that it takes to read all of it once; the sum keeps the compiler from leaving it out. */
int64_t read_ns(const uint64_t *from, size_t bytes, int threads, uint64_t *sum) {
    struct timespec begin, end;
    pthread_t started[MOST_THREADS];
    part_t parts[MOST_THREADS];
    size_t each = bytes / threads / LINE * LINE;
    for (int t = 0; t < threads; t++) parts[t] = (part_t){from + t * (each / 8), each, 0};
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int t = 1; t < threads; t++)
        if (pthread_create(started + t, NULL, read_part, parts + t)) return -1;
    read_part(parts);
    for (int t = 1; t < threads; t++) pthread_join(started[t], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (int t = 0; t < threads; t++) *sum += parts[t].sum;
    return (end.tv_sec - begin.tv_sec) * INT64_C(1000000000) + end.tv_nsec - begin.tv_nsec;
}
