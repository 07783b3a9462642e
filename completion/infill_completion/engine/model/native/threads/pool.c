/* Each thread begins with a range of a job's items and takes a few at a time from its front; one that has none left takes the
 * rear half of another's range.  Helpers write to memory of their own, from which the caller copies what they have finished.
 * What a helper finishes later than the job is therefore lost, and disturbs nothing.
 */
#include "pause.h"
#include "pool.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ITEMS 65535
#define LATE_NS 4000 /* more than a helper needs, after which it is taken to have lost its core */
#define MOST_NS 500000 /* for any item */
#define AWAKE_NS 50000 /* that a helper looks for the next job before it sleeps; between two jobs lies less */
#define LOOKS 16 /* between two looks at the clock */
#define STACK_BYTES (256 << 10)
#define LINE_BYTES 64

typedef _Atomic uint64_t range_t; /* number of the job (32 bits), first item (16), item after the last (16) */

typedef struct {
    _Alignas(LINE_BYTES) range_t range;
    _Alignas(LINE_BYTES) _Atomic int is_busy; /* whether it may read the memory of a job */
    _Atomic uint32_t *done; /* (MAX_ITEMS), the last job in which it has finished each item */
    float *memory; /* of a helper: its results, as in the caller's matrix, and scratch */
    pthread_t thread;
} member_t; /* member 0 is the caller */

static struct {
    _Alignas(LINE_BYTES) _Atomic uint32_t number; /* of the current job; helpers sleep on it */
    _Alignas(LINE_BYTES) _Atomic uint32_t next; /* number of the job that is written or was written last */
    _Atomic int sleepers;
    _Atomic int is_ending;
    _Atomic int members;
    atomic_flag is_taken; /* by a call of this file */
    size_t floats; /* size of each helper's memory */
    job_t job;
    member_t member[MAX_THREADS];
} pool = {.members = 1, .is_taken = ATOMIC_FLAG_INIT};

static uint64_t range_of(uint32_t number, int first, int last) {
    return (uint64_t)number << 32 | (uint64_t)first << 16 | (uint64_t)last;
}

static uint32_t number_of(uint64_t range) { return (uint32_t)(range >> 32); }
static int first_of(uint64_t range) { return range >> 16 & 0xffff; }
static int last_of(uint64_t range) { return range & 0xffff; }
static int left_in(uint64_t range) { return last_of(range) - first_of(range); }

/* Take items from the front of a member's own range; return how many, and the first one. */
static int take(member_t *me, uint32_t number, int grain, int *first) {
    uint64_t range = atomic_load(&me->range);
    while (number_of(range) == number && left_in(range) > 0) {
        int count = left_in(range) < grain ? left_in(range) : grain;
        *first = first_of(range);
        if (atomic_compare_exchange_weak(&me->range, &range, range_of(number, *first + count, last_of(range))))
            return count;
    }
    return 0;
}

/* Take the rear half of the longest range of another member as a member's own; return whether there was one. */
static int steal(member_t *me, uint32_t number, int members) {
    for (;;) {
        member_t *from = NULL;
        uint64_t longest = 0;
        for (int m = 0; m < members; m++) {
            uint64_t range = atomic_load(&pool.member[m].range);
            if (number_of(range) != number || left_in(range) <= 0 || (from && left_in(range) <= left_in(longest)))
                continue;
            from = pool.member + m;
            longest = range;
        }
        if (!from || from == me) return 0;
        int first = first_of(longest), middle = first + left_in(longest) / 2;
        uint64_t mine = atomic_load(&me->range);
        if (number_of(mine) != number) return 0;
        if (!atomic_compare_exchange_strong(&from->range, &longest, range_of(number, first, middle))) continue;
        /* It fails only if the job is over meanwhile. */
        return atomic_compare_exchange_strong(&me->range, &mine, range_of(number, middle, last_of(longest)));
    }
}

/* Compute items as long as there are any, and return how many. */
static int take_part(const job_t *job, uint32_t number, member_t *me, int members, float *scratch, float *y) {
    int computed = 0;
    do {
        for (int first, count; (count = take(me, number, job->grain, &first));) {
            job->work(job->context, first, first + count, scratch, y);
            computed += count;
            for (int i = first; i < first + count; i++)
                atomic_store_explicit(me->done + i, number, memory_order_release);
        }
    } while (steal(me, number, members));
    return computed;
}

static void *help(void *which) {
    member_t *me = which;
    uint32_t seen = 0;
    while (!atomic_load(&pool.is_ending)) {
        uint32_t number = atomic_load(&pool.number);
        if (number != seen) {
            atomic_store(&me->is_busy, 1);
            job_t job = pool.job;
            atomic_thread_fence(memory_order_seq_cst);
            if (atomic_load(&pool.next) == number) { /* else the caller has begun to write another one meanwhile */
                float *scratch = me->memory + (size_t)job.rows * job.columns;
                take_part(&job, number, me, atomic_load(&pool.members), scratch, me->memory);
            }
            atomic_store(&me->is_busy, 0);
            seen = number;
            continue;
        }
        int64_t until = now_ns() + AWAKE_NS;
        do {
            for (int i = 0; i < LOOKS && atomic_load(&pool.number) == seen; i++) relax();
        } while (atomic_load(&pool.number) == seen && now_ns() < until);
        if (atomic_load(&pool.number) != seen) continue;
        atomic_fetch_add(&pool.sleepers, 1);
        sleep_while(&pool.number, seen);
        atomic_fetch_sub(&pool.sleepers, 1);
    }
    return NULL;
}

/* Wait for helpers that work, and keep late ones from beginning: what they would read may be freed. */
static void wait_until_idle(void) {
    atomic_store(&pool.next, pool.number + 1);
    for (int m = 1; m < pool.members; m++)
        while (atomic_load(&pool.member[m].is_busy)) sched_yield();
}

/* Threads do not survive a fork. */
static void forget_helpers(void) {
    pool.members = 1;
    pool.sleepers = pool.is_ending = 0;
    for (int m = 0; m < MAX_THREADS; m++) pool.member[m].is_busy = 0;
    atomic_flag_clear(&pool.is_taken);
}

static int has_memory(member_t *member, size_t floats) {
    if (!member->done) member->done = calloc(MAX_ITEMS + 1, sizeof *member->done);
    if (floats && !member->memory) member->memory = malloc(floats * sizeof *member->memory);
    return member->done && (!floats || member->memory);
}

static int start(member_t *member) {
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_attr_init(&attributes)) return 0;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to Python's threads */
    int failed = pthread_create(&member->thread, &attributes, help, member);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return !failed;
}

/* Start missing helpers and make room for results; return how many members there are, 0 if memory is short. */
static int prepare(int threads, size_t floats) {
    static int is_registered;
    if (!is_registered) is_registered = !pthread_atfork(NULL, NULL, forget_helpers);
    if (floats > pool.floats) {
        wait_until_idle();
        for (int m = 1; m < MAX_THREADS; m++) {
            free(pool.member[m].memory);
            pool.member[m].memory = NULL;
        }
        pool.floats = floats;
    }
    if (!has_memory(pool.member, 0)) return 0;
    for (int m = 1; m < pool.members; m++)
        if (!has_memory(pool.member + m, pool.floats)) return 0;
    while (pool.members < threads && has_memory(pool.member + pool.members, pool.floats)) {
        pool.member[pool.members].range = 0;
        if (!start(pool.member + pool.members)) break;
        pool.members++;
    }
    return pool.members < threads ? pool.members : threads;
}

static uint32_t begin(const job_t *job, int members) {
    uint32_t number = pool.number + 1;
    if (!number) { /* after days: forget the numbers of the first jobs */
        wait_until_idle();
        for (int m = 0; m < pool.members; m++) memset(pool.member[m].done, 0, (MAX_ITEMS + 1) * sizeof(uint32_t));
        number = 1;
    }
    atomic_store(&pool.next, number);
    atomic_thread_fence(memory_order_seq_cst); /* a late helper that sees a part of this job sees its number, too */
    pool.job = *job;
    for (int m = 0; m < members; m++)
        atomic_store(&pool.member[m].range, range_of(number, job->items * m / members, job->items * (m + 1) / members));
    atomic_store(&pool.number, number);
    if (atomic_load(&pool.sleepers)) wake_all(&pool.number);
    return number;
}

static int is_done(int member, int item, uint32_t number) {
    return atomic_load_explicit(pool.member[member].done + item, memory_order_acquire) == number;
}

static void copy_items(const job_t *job, const float *from, int first, int last, float *y) {
    ptrdiff_t at = (ptrdiff_t)first * job->width, end = (ptrdiff_t)last * job->width;
    if (end > job->columns) end = job->columns;
    for (int r = 0; r < job->rows; r++)
        memcpy(y + (ptrdiff_t)r * job->columns + at, from + (ptrdiff_t)r * job->columns + at,
            (size_t)(end - at) * sizeof *y);
}

/* Return the helper that has finished an item, or 0 after waiting for one until a time. */
static int helper_of(int item, uint32_t number, int members, int64_t until) {
    for (;;) {
        for (int m = 1; m < members; m++)
            if (is_done(m, item, number)) return m;
        if (now_ns() >= until) return 0;
        for (int i = 0; i < LOOKS; i++) relax();
    }
}

/* Copy what helpers have finished, and compute what one has begun and not finished after some nanoseconds. */
static void collect(const job_t *job, uint32_t number, int members, int64_t wait_ns, float *scratch, float *y) {
    int64_t until = 0;
    for (int item = 0; item < job->items;) {
        int first = item;
        if (is_done(0, item, number)) {
            item++;
            continue;
        }
        int helper = helper_of(item, number, members, 0);
        if (!helper) {
            if (!until) until = now_ns() + wait_ns;
            helper = helper_of(item, number, members, until);
        }
        if (!helper) {
            job->work(job->context, item, item + 1, scratch, y);
            item++;
            continue;
        }
        while (++item < job->items && is_done(helper, item, number)) continue;
        copy_items(job, pool.member[helper].memory, first, item, y);
    }
}

void infill_share(const job_t *job, int threads, float *scratch, float *y) {
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    if (threads > job->items) threads = job->items;
    if (threads <= 1 || job->items > MAX_ITEMS || atomic_flag_test_and_set(&pool.is_taken)) {
        job->work(job->context, 0, job->items, scratch, y);
        return;
    }
    int members = prepare(threads, (size_t)job->rows * job->columns + job->scratch);
    if (members > 1) {
        uint32_t number = begin(job, members);
        int64_t begun = now_ns();
        int computed = take_part(job, number, pool.member, members, scratch, y);
        /* Helpers that are running take as long for what they have begun as the caller did, unless it was interrupted. */
        int64_t same = (now_ns() - begun) * job->grain / (computed ? computed : job->grain);
        collect(job, number, members, LATE_NS + (same < MOST_NS ? same : MOST_NS), scratch, y);
    } else {
        job->work(job->context, 0, job->items, scratch, y);
    }
    atomic_flag_clear(&pool.is_taken);
}

static void take_pool(void) {
    while (atomic_flag_test_and_set(&pool.is_taken)) sched_yield();
}

void infill_wait_for_threads(void) {
    take_pool();
    wait_until_idle();
    atomic_flag_clear(&pool.is_taken);
}

void infill_end_threads(void) {
    take_pool();
    pool.is_ending = 1;
    atomic_fetch_add(&pool.number, 1);
    wake_all(&pool.number);
    for (int m = 1; m < pool.members; m++) pthread_join(pool.member[m].thread, NULL);
    pool.members = 1;
    pool.is_ending = 0;
    atomic_flag_clear(&pool.is_taken);
}

int infill_helpers(void) { return pool.members - 1; }
