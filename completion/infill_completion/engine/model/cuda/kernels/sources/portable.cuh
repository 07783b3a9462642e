// What the kernels need from the device beyond plain C++: 16-bit numbers, tensor cores, and starting ahead of a
// predecessor.  Where CUDA_ON_CPU is defined, a header of the tests takes the place of what only a device understands.
//
// A number is a bfloat16, or a half where HALF is defined.
#pragma once

typedef unsigned short number;

struct __align__(8) Words2 {
    unsigned x, y;
};
struct __align__(16) Words4 {
    unsigned x, y, z, w;
};

#ifdef CUDA_ON_CPU
#include "portable_on_cpu.h"
#else

// Memory whose size the launch names, of a type that suits all uses.
#define DYNAMIC_SHARED(name) extern __shared__ __align__(256) unsigned char name[]

// Memory that low_shared() reads begins at this address of the shared window: the device keeps up to 1,024 bytes below
// for itself (sm_90 and later do).  A fixed address is part of the instruction, and needs no addition.
constexpr unsigned LOW_SHARED = 1024;

// Returns the part of a block's dynamic shared memory that begins at LOW_SHARED; it must have 1,024 bytes to spare.
__device__ inline unsigned char *at_low_shared(unsigned char *dynamic) {
    return dynamic + (LOW_SHARED - static_cast<unsigned>(__cvta_generic_to_shared(dynamic)));
}
// Returns the word at `offset`, a multiple of 4, from there.
__device__ inline unsigned low_shared(unsigned offset) {
    unsigned word;
    // Volatile keeps it after the barrier before it.
    asm volatile("ld.shared.u32 %0, [%1 + 1024];" : "=r"(word) : "r"(offset));
    return word;
}

// Returns a number as float.
__device__ inline float widened(number x) {
#ifdef HALF
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x));
    return value;
#else
    return __uint_as_float(static_cast<unsigned>(x) << 16);
#endif
}

// Returns two floats as numbers, rounded to nearest even: `low` in the lower 16 bits.
__device__ inline unsigned pair(float low, float high) {
    unsigned both;
#ifdef HALF
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
#else
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
#endif
    return both;
}

// Returns a float as a number, rounded to nearest even.
__device__ inline number rounded(float x) { return static_cast<number>(pair(x, 0.0f) & 0xffff); }

// Adds a product of a warp to `sums`: (16, 16) times (16, 8) numbers, in float32.  Lane 4 * g + t holds, two to a
// register (PTX ISA, mma.m16n8k16): of the left matrix a[0] = row g, columns 2t and 2t + 1, a[1] = row g + 8, the same
// columns, a[2] and a[3] = the same rows, columns 2t + 8 and 2t + 9; of the right matrix b[0] = rows 2t and 2t + 1 of
// column g, b[1] = rows 2t + 8 and 2t + 9; of the sums sums[0] and sums[1] = row g, columns 2t and 2t + 1, sums[2] and
// sums[3] = row g + 8.  Columns do not influence each other: a column has the same bits whatever the others hold.
__device__ inline void multiply_add(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#ifdef HALF
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#else
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
#endif
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Reads 8 or 16 bytes that no kernel writes and that are read once: weights.  The rest of the 128 bytes around them
// comes along into the second-level cache, because the next reads are there.
__device__ inline Words2 streamed2(const void *address) {
    Words2 words;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v2.u32 {%0,%1}, [%2];"
        : "=r"(words.x), "=r"(words.y)
        : "l"(address));
    return words;
}
__device__ inline Words4 streamed4(const void *address) {
    Words4 words;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
        : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
        : "l"(address));
    return words;
}

// Copies 16 bytes that an earlier kernel may have written to shared memory, without waiting for them.
__device__ inline void copy_later(void *shared, const void *address) {
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))),
        "l"(address)
        : "memory");
}
// Waits for this thread's copies; those of other threads are there after a barrier behind it.
__device__ inline void finish_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// Reads 16 bytes that an earlier kernel may have written, and that are read once: keys and values.
__device__ inline Words4 written4(const void *address) {
    Words4 words;
    asm volatile("ld.global.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
        : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
        : "l"(address)
        : "memory");
    return words;
}

// Counts a thread's arrival and returns how many came before.  What it and its block wrote before, up to a barrier, is
// visible to those that come later, once their block has passed another barrier.
__device__ inline int arrived_before(int *counter) {
    int before;
    asm volatile("atom.acq_rel.gpu.global.add.s32 %0, [%1], 1;" : "=r"(before) : "l"(counter) : "memory");
    return before;
}

// A kernel may start before its predecessor has ended (programmatic dependent launch, from sm_90 on), to read weights.
// Everything that another kernel writes or reads may be touched only after this call.
__device__ inline void wait_for_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// Read what was written before the step began, also before that call: a step's first kernel, embed, lets the next ones
// start only after it has waited for everything before it.  What a kernel of the step writes may come out old or new.
__device__ inline Words4 early4(const void *address) { return written4(address); }
__device__ inline long long early(const long long *address) { return *address; }
// Volatile, so that it is not in the first-level cache when it is read again.
__device__ inline float early(const float *address) { return *static_cast<const volatile float *>(address); }
// Lets the next kernel start as soon as all blocks have called this.
__device__ inline void let_next_start() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

#endif

__device__ inline float low_of(unsigned both) { return widened(static_cast<number>(both & 0xffff)); }
__device__ inline float high_of(unsigned both) { return widened(static_cast<number>(both >> 16)); }
