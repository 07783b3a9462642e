/* Waiting for another thread: for a moment, or asleep. */
#pragma once
#ifdef __linux__
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static inline int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static inline void relax(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A number is slept on until it changes.  Nothing is lost if a sleeper is woken too early. */
#ifdef __linux__
static inline void sleep_while(_Atomic uint32_t *number, uint32_t seen) {
    syscall(SYS_futex, number, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static inline void wake_all(_Atomic uint32_t *number) {
    syscall(SYS_futex, number, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}
#else
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static inline void sleep_while(_Atomic uint32_t *number, uint32_t seen) {
    pthread_mutex_lock(&mutex);
    if (atomic_load(number) == seen) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static inline void wake_all(_Atomic uint32_t *number) {
    (void)number;
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}
#endif
