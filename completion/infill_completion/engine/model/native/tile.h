/* Shared by the parts of the step that read the most memory. */
#pragma once
#include "lanes.h"
#include <stddef.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
/* Unrolled completely: an array that is indexed by anything but constants does not stay in registers. */
#define UNROLLED _Pragma("GCC unroll 4")
#define TILE 4 /* sums computed at once, so that none waits for the previous one */
#define MAX_ROWS 16

/* Each step reads all of its data once, in order, and there is more of it than the core's own cache holds.  The hardware
 * prefetches by itself, but not across pages; with an early prefetch the next bytes are ready.  Measured: a step after 984
 * tokens takes 8 % less time where the shared cache is free, and 30 % less where other processes fill it. */
#define CACHE_LINE 64
ALWAYS_INLINE void prefetch(const void *from, int bytes) {
    for (int at = 0; at < bytes; at += CACHE_LINE) __builtin_prefetch((const char *)from + at, 0, 3);
}

/* The core's first cache takes few lines at a time, so weights of 4 bits are asked for twice: early into the second cache,
 * and shortly before they are read into the first.  Measured beside a single early prefetch into the first: 97 MB are read
 * at 26 instead of 18 to 24 GB/s, 320 MB at 16 instead of 11 (Intel Xeon; no difference on AMD EPYC 9005).  Weights of 8
 * bits are asked for once: 320 MB are read at 15 instead of 16 GB/s, but a model that fits the shared cache takes 11 to 22 %
 * less time for a step (AMD EPYC 9005), because twice as many prefetches cost more than they bring. */
#define SOON_BYTES 1280
ALWAYS_INLINE void prefetch_weights(const void *at, int bytes, int ahead) {
    for (int i = 0; i < bytes; i += CACHE_LINE) {
        __builtin_prefetch((const char *)at + SOON_BYTES + i, 0, 3);
        __builtin_prefetch((const char *)at + ahead + i, 0, 2);
    }
}
