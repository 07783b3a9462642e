/* Threads that share the items of a job, and give the bits of a single thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define MAX_THREADS 16
#define MAX_CONTEXT_BYTES 128

/* Compute items first to last - 1 and write them where they belong in y. */
typedef void infill_work_t(const void *context, int first, int last, float *scratch, float *y);

/* Item i is the columns i * width and following of a matrix (rows, columns), up to the next item or the end. */
typedef struct {
    infill_work_t *work;
    int32_t items, width, rows, columns;
    int32_t grain;   /* items that are taken at once, a few microseconds of work */
    int32_t scratch; /* float32 that a thread needs to compute them */
    char context[MAX_CONTEXT_BYTES];
} job_t;

/* Compute all items of a job and write them to y, (rows, columns); scratch is for the calling thread.
 *
 * Up to threads - 1 helpers take part as far as they are running.  None is waited for longer than what it has begun takes:
 * if it has not finished by then, that is computed once more.  So a helper may still read what the job's context points to
 * after the call; see infill_wait_for_threads.  Calls at the same time are computed by their callers alone. */
void infill_share(const job_t *job, int threads, float *scratch, float *y);

/* Wait until no helper reads the memory of earlier jobs; call it before such memory is freed. */
void infill_wait_for_threads(void);

/* End the helpers; the next shared job starts them again. */
void infill_end_threads(void);

/* Return the number of helpers that are running or asleep. */
int infill_helpers(void);
