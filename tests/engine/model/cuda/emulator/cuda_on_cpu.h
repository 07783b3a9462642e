// The words of CUDA C++ for a C++17 compiler, as far as the kernels use them.  A kernel's source comes after this, in an
// unnamed namespace, so that its shared memory is in one section of the library (see `__shared__`).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <utility>

#include "device.h"
#include "races.h"

// A kernel's compiler has no headers, so it doesn't have these either.
#undef INFINITY
#undef NAN
#undef HUGE_VALF

#define CUDA_ON_CPU 1
#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
// One block runs at a time, so its shared memory is static; the section makes it possible to spoil it between blocks.
#define __shared__ static __attribute__((section("shared_memory"), used))

extern "C" char __start_shared_memory[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_shared_memory[] __attribute__((weak, visibility("hidden")));

#define NO_RACE __attribute__((noinline, no_sanitize("thread")))
#define LINE_OF_CALL int line = __builtin_LINE()

// ---- vectors ----

#define VECTOR_2(name, type, bytes)                                                                                    \
    struct alignas(bytes) name {                                                                                       \
        type x, y;                                                                                                     \
    };                                                                                                                 \
    inline name make_##name(type x, type y) { return {x, y}; }
#define VECTOR_4(name, type, bytes)                                                                                    \
    struct alignas(bytes) name {                                                                                       \
        type x, y, z, w;                                                                                               \
    };                                                                                                                 \
    inline name make_##name(type x, type y, type z, type w) { return {x, y, z, w}; }

typedef unsigned char uchar;
VECTOR_2(char2, signed char, 2)
VECTOR_2(uchar2, unsigned char, 2)
VECTOR_2(short2, short, 4)
VECTOR_2(ushort2, unsigned short, 4)
VECTOR_2(int2, int, 8)
VECTOR_2(uint2, unsigned, 8)
VECTOR_2(float2, float, 8)
VECTOR_2(double2, double, 16)
VECTOR_2(longlong2, long long, 16)
VECTOR_2(ulonglong2, unsigned long long, 16)
VECTOR_4(char4, signed char, 4)
VECTOR_4(uchar4, unsigned char, 4)
VECTOR_4(short4, short, 8)
VECTOR_4(ushort4, unsigned short, 8)
VECTOR_4(int4, int, 16)
VECTOR_4(uint4, unsigned, 16)
VECTOR_4(float4, float, 16)

// ---- numbers ----

namespace cuda_on_cpu {
template <typename To, typename From> inline To same_bits(From value) {
    static_assert(sizeof(To) == sizeof(From), "the types have different sizes");
    To result;
    memcpy(&result, &value, sizeof result);
    return result;
}
} // namespace cuda_on_cpu

inline unsigned __float_as_uint(float x) { return cuda_on_cpu::same_bits<unsigned>(x); }
inline int __float_as_int(float x) { return cuda_on_cpu::same_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return cuda_on_cpu::same_bits<float>(x); }
inline float __int_as_float(int x) { return cuda_on_cpu::same_bits<float>(x); }
inline long long __double_as_longlong(double x) { return cuda_on_cpu::same_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return cuda_on_cpu::same_bits<double>(x); }

template <typename A, typename B> inline std::common_type_t<A, B> min(A a, B b) {
    static_assert(std::is_arithmetic<A>::value && std::is_arithmetic<B>::value, "min takes numbers");
    std::common_type_t<A, B> x = a, y = b;
    return y < x || x != x ? y : x;
}
template <typename A, typename B> inline std::common_type_t<A, B> max(A a, B b) {
    static_assert(std::is_arithmetic<A>::value && std::is_arithmetic<B>::value, "max takes numbers");
    std::common_type_t<A, B> x = a, y = b;
    return x < y || x != x ? y : x;
}

inline float rsqrtf(float x) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x))); }
inline float __frsqrt_rn(float x) { return rsqrtf(x); }
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10.0f, x); }
inline float exp10f(float x) { return powf(10.0f, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline void __sincosf(float x, float *sine, float *cosine) { *sine = sinf(x), *cosine = cosf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float fdividef(float x, float y) { return x / y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
inline int __float2int_rn(float x) { return static_cast<int>(nearbyintf(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
inline int __float2int_rd(float x) { return static_cast<int>(floorf(x)); }
inline unsigned __float2uint_rn(float x) { return static_cast<unsigned>(nearbyintf(x)); }
inline unsigned __float2uint_rz(float x) { return static_cast<unsigned>(x); }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) {
    unsigned reversed = 0;
    for (int i = 0; i < 32; i++) reversed |= (x >> i & 1) << (31 - i);
    return reversed;
}
inline unsigned __umulhi(unsigned x, unsigned y) { return static_cast<unsigned>(static_cast<uint64_t>(x) * y >> 32); }
inline int __mulhi(int x, int y) { return static_cast<int>(static_cast<int64_t>(x) * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(x) * y >> 64);
}
// Returns four of the eight bytes of `y:x`; a selector's fourth bit asks for copies of the byte's sign.
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selectors) {
    uint64_t bytes = static_cast<uint64_t>(y) << 32 | x;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        unsigned selector = selectors >> 4 * i & 15, byte = bytes >> 8 * (selector & 7) & 255;
        if (selector & 8) byte = byte & 128 ? 255 : 0;
        result |= byte << 8 * i;
    }
    return result;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
    return static_cast<unsigned>((static_cast<uint64_t>(high) << 32 | low) << (shift & 31) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
    return static_cast<unsigned>((static_cast<uint64_t>(high) << 32 | low) >> (shift & 31));
}
inline int __dp4a(int a, int b, int sum) {
    for (int i = 0; i < 4; i++) sum += static_cast<int8_t>(a >> 8 * i) * static_cast<int8_t>(b >> 8 * i);
    return sum;
}

// ---- memory ----

template <typename T> inline T __ldg(const T *address) { return *address; }
template <typename T> inline T __ldcg(const T *address) { return *address; }
template <typename T> inline T __ldcs(const T *address) { return *address; }
template <typename T> inline void __stcs(T *address, T value) { *address = value; }
template <typename T> inline void __stcg(T *address, T value) { *address = value; }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

// Fibers change only at meetings, so plain code is atomic; the search for races leaves it out.  There is none for floats: sums must not depend on an order.
template <typename T> struct atomic_of;
#define ATOMIC_TYPE(type)                                                                                              \
    template <> struct atomic_of<type> {                                                                               \
        typedef type same;                                                                                             \
    };
ATOMIC_TYPE(int)
ATOMIC_TYPE(unsigned)
ATOMIC_TYPE(long long)
ATOMIC_TYPE(unsigned long long)
template <typename T> using Atomic = typename atomic_of<T>::same;

#define ATOMIC(name, expression)                                                                                       \
    template <typename T> NO_RACE T name(T *address, Atomic<T> value) {                                                \
        T old = *address;                                                                                              \
        *address = (expression);                                                                                       \
        return old;                                                                                                    \
    }
ATOMIC(atomicSub, old - value)
ATOMIC(atomicMax, old < value ? value : old)
ATOMIC(atomicMin, value < old ? value : old)
ATOMIC(atomicAnd, old &value)
ATOMIC(atomicOr, old | value)
ATOMIC(atomicXor, old ^ value)
ATOMIC(atomicInc, old >= value ? 0 : old + 1)
ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1)
template <typename T> NO_RACE T atomicAdd(T *address, Atomic<T> value) {
    T old = *address;
    *address = static_cast<T>(static_cast<std::make_unsigned_t<T>>(old) + static_cast<std::make_unsigned_t<T>>(value));
    return old;
}
template <typename T> NO_RACE T atomicExch(T *address, std::common_type_t<T> value) {
    T old = *address;
    *address = value;
    return old;
}
template <typename T> NO_RACE T atomicCAS(T *address, std::common_type_t<T> expected, std::common_type_t<T> value) {
    T old = *address;
    if (old == expected) *address = value;
    return old;
}

// ---- meetings of threads ----

inline void __syncthreads(LINE_OF_CALL) { cuda_on_cpu::block_meeting("__syncthreads", line, nullptr, nullptr); }

namespace cuda_on_cpu {
template <typename Combine> inline int vote_of_block(const char *operation, int line, int value, Combine) {
    block_meeting(operation, line, &value, [](void **brought, unsigned threads) {
        int result = *static_cast<int *>(brought[0]) != 0;
        for (unsigned i = 1; i < threads; i++)
            result = Combine()(result, static_cast<int>(*static_cast<int *>(brought[i]) != 0));
        for (unsigned i = 0; i < threads; i++) *static_cast<int *>(brought[i]) = result;
    });
    return value;
}
struct Plus {
    template <typename T> T operator()(T a, T b) const { return a + b; }
};
struct Both {
    template <typename T> T operator()(T a, T b) const { return a & b; }
};
struct Either {
    template <typename T> T operator()(T a, T b) const { return a | b; }
};
struct Odd {
    template <typename T> T operator()(T a, T b) const { return a ^ b; }
};
struct Larger {
    template <typename T> T operator()(T a, T b) const { return a < b ? b : a; }
};
struct Smaller {
    template <typename T> T operator()(T a, T b) const { return b < a ? b : a; }
};

template <typename T> struct Shuffled {
    T given, got;
    int source;
    const char *operation;
    int line;
};
// Gives each lane what lane `source` has brought.
template <typename T> inline T shuffled(const char *operation, int line, unsigned mask, T value, int source) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 2, "a shuffle moves 2, 4 or 8 bytes");
    Shuffled<T> mine = {value, value, source, operation, line};
    warp_meeting(operation, line, mask, &mine, [](void **brought, unsigned mask) {
        for (int lane = 0; lane < 32; lane++) {
            if (!(mask >> lane & 1)) continue;
            Shuffled<T> &one = *static_cast<Shuffled<T> *>(brought[lane]);
            if (!(mask >> one.source & 1))
                fail("%s in line %d: lane %d reads lane %d, which is not in mask %#x", one.operation, one.line, lane,
                    one.source, mask);
            one.got = static_cast<Shuffled<T> *>(brought[one.source])->given;
        }
    });
    return mine.got;
}
template <typename T, typename Combine>
inline T reduced(const char *operation, int line, unsigned mask, T value, Combine) {
    warp_meeting(operation, line, mask, &value, [](void **brought, unsigned mask) {
        int first = __builtin_ctz(mask);
        T result = *static_cast<T *>(brought[first]);
        for (int lane = first + 1; lane < 32; lane++)
            if (mask >> lane & 1) result = Combine()(result, *static_cast<T *>(brought[lane]));
        for (int lane = first; lane < 32; lane++)
            if (mask >> lane & 1) *static_cast<T *>(brought[lane]) = result;
    });
    return value;
}
struct Vote {
    int given;
    unsigned got;
};
inline unsigned ballot(const char *operation, int line, unsigned mask, int predicate) {
    Vote mine = {predicate, 0};
    warp_meeting(operation, line, mask, &mine, [](void **brought, unsigned mask) {
        unsigned result = 0;
        for (int lane = 0; lane < 32; lane++)
            if (mask >> lane & 1) result |= (static_cast<Vote *>(brought[lane])->given != 0 ? 1u : 0u) << lane;
        for (int lane = 0; lane < 32; lane++)
            if (mask >> lane & 1) static_cast<Vote *>(brought[lane])->got = result;
    });
    return mine.got;
}
inline int lane() { return static_cast<int>(threadIdx.x % 32); }
} // namespace cuda_on_cpu

inline int __syncthreads_count(int predicate, LINE_OF_CALL) {
    return cuda_on_cpu::vote_of_block("__syncthreads_count", line, predicate, cuda_on_cpu::Plus());
}
inline int __syncthreads_and(int predicate, LINE_OF_CALL) {
    return cuda_on_cpu::vote_of_block("__syncthreads_and", line, predicate, cuda_on_cpu::Both());
}
inline int __syncthreads_or(int predicate, LINE_OF_CALL) {
    return cuda_on_cpu::vote_of_block("__syncthreads_or", line, predicate, cuda_on_cpu::Either());
}

inline void __syncwarp(unsigned mask = 0xffffffffu, LINE_OF_CALL) {
    cuda_on_cpu::warp_meeting(
        "__syncwarp", line, mask, nullptr, [](void **, unsigned mask) { cuda_on_cpu::order_lanes(mask); });
}
template <typename T> inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, LINE_OF_CALL) {
    int lane = cuda_on_cpu::lane(), first = lane & ~(width - 1);
    return cuda_on_cpu::shuffled("__shfl_sync", line, mask, value, first | (source & (width - 1)));
}
template <typename T> inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, LINE_OF_CALL) {
    int lane = cuda_on_cpu::lane(), source = lane ^ bits;
    return cuda_on_cpu::shuffled("__shfl_xor_sync", line, mask, value, source > (lane | (width - 1)) ? lane : source);
}
template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, LINE_OF_CALL) {
    int lane = cuda_on_cpu::lane(), source = lane + static_cast<int>(distance);
    return cuda_on_cpu::shuffled("__shfl_down_sync", line, mask, value, source > (lane | (width - 1)) ? lane : source);
}
template <typename T> inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, LINE_OF_CALL) {
    int lane = cuda_on_cpu::lane(), source = lane - static_cast<int>(distance);
    return cuda_on_cpu::shuffled("__shfl_up_sync", line, mask, value, source < (lane & ~(width - 1)) ? lane : source);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, LINE_OF_CALL) {
    return cuda_on_cpu::ballot("__ballot_sync", line, mask, predicate);
}
inline int __any_sync(unsigned mask, int predicate, LINE_OF_CALL) {
    return cuda_on_cpu::ballot("__any_sync", line, mask, predicate) != 0;
}
inline int __all_sync(unsigned mask, int predicate, LINE_OF_CALL) {
    return cuda_on_cpu::ballot("__all_sync", line, mask, predicate) == mask;
}
#define REDUCTION(name, combine)                                                                                       \
    template <typename T> inline T name(unsigned mask, T value, LINE_OF_CALL) {                                        \
        static_assert(std::is_integral<T>::value && sizeof(T) == 4, #name " takes 32-bit ints");                       \
        return cuda_on_cpu::reduced(#name, line, mask, value, cuda_on_cpu::combine());                                 \
    }
REDUCTION(__reduce_add_sync, Plus)
REDUCTION(__reduce_max_sync, Larger)
REDUCTION(__reduce_min_sync, Smaller)
REDUCTION(__reduce_and_sync, Both)
REDUCTION(__reduce_or_sync, Either)
REDUCTION(__reduce_xor_sync, Odd)

// ---- calling a kernel with the addresses of its arguments ----

namespace cuda_on_cpu {

// How Python must pass an argument: p for a pointer, c for one to constants, i and f for 32-bit ints and floats.
template <typename T> constexpr char kind() {
    typedef std::remove_cv_t<T> Plain;
    static_assert(std::is_pointer<Plain>::value || std::is_same<Plain, float>::value ||
            (std::is_integral<Plain>::value && sizeof(Plain) == 4),
        "a kernel takes pointers, 32-bit ints and floats");
    if (std::is_pointer<Plain>::value) return std::is_const<std::remove_pointer_t<Plain>>::value ? 'c' : 'p';
    return std::is_same<Plain, float>::value ? 'f' : 'i';
}

template <typename Function> struct Signature;
template <typename... T> struct Signature<void (*)(T...)> {
    static const char *kinds() {
        static const char found[] = {kind<T>()..., '\0'};
        return found;
    }
    template <size_t... I> static void call_each(void (*body)(T...), void **arguments, std::index_sequence<I...>) {
        body(*static_cast<std::remove_cv_t<T> *>(arguments[I])...);
    }
    static void call(void (*body)(T...), void **arguments) {
        call_each(body, arguments, std::make_index_sequence<sizeof...(T)>());
    }
};

} // namespace cuda_on_cpu

#define EXPORT_KERNEL(name)                                                                                            \
    extern "C" __attribute__((visibility("default"))) const char *kinds_of_##name() {                                  \
        return cuda_on_cpu::Signature<decltype(&name)>::kinds();                                                       \
    }                                                                                                                  \
    extern "C" __attribute__((visibility("default"))) const char *run_##name(                                          \
        const cuda_on_cpu::Launch *launch, void **arguments) {                                                         \
        cuda_on_cpu::Kernel kernel = {#name,                                                                           \
            [](void **arguments) { cuda_on_cpu::Signature<decltype(&name)>::call(&name, arguments); },                 \
            __start_shared_memory, __stop_shared_memory};                                                              \
        return cuda_on_cpu::run(kernel, *launch, arguments);                                                           \
    }
