// Packed matrices as numbers, for products of many rows, which tensor cores compute best from dense matrices.
//
// Rounded as bitsandbytes rounds: scale = code[scales[block]] * coarse[block / 256] + offset and level * scale in
// float32, each operation on its own, and then one rounding to a number.
//
// A group of 8 outputs and 128 inputs is 512 contiguous bytes, and a warp's work.  A word of a group is 8 inputs, so
// that a lane writes 16 bytes, and half a warp the 256 bytes of an output.  Every read is of 128 contiguous bytes.
#include "portable.cuh"

constexpr int DENSE_THREADS = 256, DENSE_WARPS = DENSE_THREADS / 32;
constexpr int GROUP_OUTPUTS = 8, UNIT_INPUTS = 128, GROUP_BYTES = 512, GROUP_SCALES = 16;
constexpr int WORDS = 4; // of a group, in a lane

extern "C" __global__ void __launch_bounds__(DENSE_THREADS)
    dequantize(const float *levels, const float *code, const unsigned char *packed, const unsigned char *scales,
        const float *coarse, const float *offset, number *out, int outputs, int inputs) {
    __shared__ float level_of[16], code_of[256]; // a level's bank is its own: lanes wait for none
    const int lane = threadIdx.x % 32, units = inputs / UNIT_INPUTS;
    const int group = blockIdx.x * DENSE_WARPS + threadIdx.x / 32;
    const bool is_there = group < outputs / GROUP_OUTPUTS * units;
    const int rows = group / units * GROUP_OUTPUTS, unit = group % units;
    // Word `lane + 32 * i` of a group: output 2 * i + lane / 16, then 16 inputs of a block times 4, block, half of them.
    const int block = lane / 2 % 2, column = UNIT_INPUTS * unit + 64 * block + 16 * (lane / 4 % 4) + 8 * (lane % 2);
    unsigned words[WORDS], codes[WORDS];
    float coarse_of[WORDS];
    if (is_there) {
        const unsigned char *from = packed + static_cast<size_t>(GROUP_BYTES) * group + 4 * lane;
        const unsigned char *scales_from = scales + static_cast<size_t>(GROUP_SCALES) * group + block;
#pragma unroll
        for (int i = 0; i < WORDS; ++i) {
            const int output = 2 * i + lane / 16;
            words[i] = *reinterpret_cast<const unsigned *>(from + 128 * i);
            codes[i] = scales_from[2 * output];
            coarse_of[i] = coarse[((rows + output) * (inputs / 64) + 2 * unit + block) >> 8];
        }
    }
    if (threadIdx.x < 16) level_of[threadIdx.x] = levels[threadIdx.x];
    code_of[threadIdx.x] = code[threadIdx.x];
    const float shift = *offset;
    __syncthreads();
    let_next_start();
    wait_for_previous(); // which may read what is written here
    if (!is_there) return;
#pragma unroll
    for (int i = 0; i < WORDS; ++i) {
        const float scale = __fadd_rn(__fmul_rn(code_of[codes[i]], coarse_of[i]), shift);
        unsigned pairs[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const unsigned both = words[i] >> 8 * j;
            pairs[j] = pair(__fmul_rn(level_of[both >> 4 & 15], scale), __fmul_rn(level_of[both & 15], scale));
        }
        number *to = out + static_cast<size_t>(rows + 2 * i + lane / 16) * inputs + column;
        *reinterpret_cast<Words4 *>(to) = {pairs[0], pairs[1], pairs[2], pairs[3]};
    }
}
