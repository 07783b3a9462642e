// What portable.cuh says in PTX, in C++: see there for what each function does.
#pragma once

#define DYNAMIC_SHARED(name) unsigned char *name = cuda_on_cpu::dynamic_shared()

// Where dynamic shared memory begins differs between devices; here it begins as far below as it may.
inline unsigned char *at_low_shared(unsigned char *dynamic) { return dynamic + 1024; }
inline unsigned low_shared(unsigned offset, LINE_OF_CALL) {
    const unsigned char *address = cuda_on_cpu::dynamic_shared() + 1024 + offset;
    cuda_on_cpu::check_aligned(address, 4, "low_shared", line);
    return *reinterpret_cast<const unsigned *>(address);
}

inline float widened(number x) {
#ifdef HALF
    unsigned sign = (x & 0x8000u) << 16, exponent = x >> 10 & 31, digits = x & 0x3ff;
    if (exponent == 31) return __uint_as_float(sign | 0x7f800000u | digits << 13);
    if (exponent != 0) return __uint_as_float(sign | (exponent + 112) << 23 | digits << 13);
    float small = static_cast<float>(digits) * 0x1p-24f;
    return sign ? -small : small;
#else
    return __uint_as_float(static_cast<unsigned>(x) << 16);
#endif
}

inline number rounded(float x) {
    unsigned bits = __float_as_uint(x), size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return 0x7fff;
#ifdef HALF
    unsigned sign = bits >> 16 & 0x8000u;
    if (size >= 0x477ff000u) return static_cast<number>(sign | 0x7c00);
    if (size < 0x38800000u) {
        float steps = nearbyintf(__uint_as_float(size) * 0x1p24f);
        return static_cast<number>(sign | static_cast<unsigned>(steps));
    }
    return static_cast<number>(sign | (size - 0x38000000u + 0xfffu + (size >> 13 & 1)) >> 13);
#else
    return static_cast<number>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
#endif
}

inline unsigned pair(float low, float high) { return static_cast<unsigned>(rounded(high)) << 16 | rounded(low); }

struct Fragments {
    float *sums;
    const unsigned *a, *b;
};

inline void multiply_fragments(void **brought, unsigned) {
    float left[16][16], right[16][8];
    for (int lane = 0; lane < 32; lane++) {
        const Fragments &one = *static_cast<Fragments *>(brought[lane]);
        int group = lane / 4, column = lane % 4 * 2;
        for (int i = 0; i < 4; i++) {
            left[group + i % 2 * 8][column + i / 2 * 8] = widened(static_cast<number>(one.a[i] & 0xffff));
            left[group + i % 2 * 8][column + i / 2 * 8 + 1] = widened(static_cast<number>(one.a[i] >> 16));
        }
        for (int i = 0; i < 2; i++) {
            right[column + i * 8][group] = widened(static_cast<number>(one.b[i] & 0xffff));
            right[column + i * 8 + 1][group] = widened(static_cast<number>(one.b[i] >> 16));
        }
    }
    float sums[16][8] = {};
    for (int row = 0; row < 16; row++)
        for (int k = 0; k < 16; k++)
            for (int column = 0; column < 8; column++) sums[row][column] += left[row][k] * right[k][column];
    for (int lane = 0; lane < 32; lane++) {
        const Fragments &one = *static_cast<Fragments *>(brought[lane]);
        for (int i = 0; i < 4; i++) one.sums[i] += sums[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
    }
}

inline void multiply_add(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2], LINE_OF_CALL) {
    Fragments mine = {sums, a, b};
    cuda_on_cpu::warp_meeting("multiply_add", line, 0xffffffffu, &mine, multiply_fragments);
}

inline Words2 streamed2(const void *address, LINE_OF_CALL) {
    cuda_on_cpu::check_aligned(address, 8, "streamed2", line);
    return *static_cast<const Words2 *>(address);
}
inline Words4 streamed4(const void *address, LINE_OF_CALL) {
    cuda_on_cpu::check_aligned(address, 16, "streamed4", line);
    return *static_cast<const Words4 *>(address);
}

inline void copy_later(void *shared, const void *address, LINE_OF_CALL) {
    cuda_on_cpu::check_aligned(shared, 16, "copy_later", line);
    cuda_on_cpu::check_aligned(address, 16, "copy_later", line);
    *static_cast<Words4 *>(shared) = *static_cast<const Words4 *>(address);
}
inline void finish_copies() {}

inline Words4 written4(const void *address, LINE_OF_CALL) {
    cuda_on_cpu::check_aligned(address, 16, "written4", line);
    return *static_cast<const Words4 *>(address);
}

inline int arrived_before(int *counter) { return (*counter)++; }

inline void wait_for_previous(LINE_OF_CALL) { cuda_on_cpu::previous_kernel(line); }
inline Words4 early4(const void *address, LINE_OF_CALL) {
    Words4 words;
    cuda_on_cpu::check_aligned(address, 16, "early4", line);
    cuda_on_cpu::read_early(&words, address, sizeof words);
    return words;
}
inline long long early(const long long *address, LINE_OF_CALL) {
    long long value;
    cuda_on_cpu::check_aligned(address, 8, "early", line);
    cuda_on_cpu::read_early(&value, address, sizeof value);
    return value;
}
inline float early(const float *address, LINE_OF_CALL) {
    float value;
    cuda_on_cpu::check_aligned(address, 4, "early", line);
    cuda_on_cpu::read_early(&value, address, sizeof value);
    return value;
}
inline void let_next_start() {}
