// What a warp of attention.cu does.
#pragma once

#include "attention_parts.cuh"

namespace {

// The queries of a block in shared memory, as the left matrices of the products with the keys.
template <int DIM> struct Queries {
    static constexpr int PIECES = TILE * DIM / 8 / (32 * PARTS); // of 16 bytes, that a thread reads
    const Block<DIM> &block;
    Words4 *memory; // (DIM / 16, 32 lanes)

    __device__ void read(Words4 (&pieces)[PIECES]) const {
#pragma unroll
        for (int i = 0; i < PIECES; ++i) {
            // What stands in the place of further queries is computed in vain.
            const int item = threadIdx.x + i * 32 * PARTS, query = min(item / (DIM / 8), block.count - 1);
            pieces[i] = written4(block.in.q + block.offset(query) + item % (DIM / 8) * 8);
        }
    }

    // Piece 4i + t of query g or g + 8 belongs to lane 4g + t, and to the products 2i and 2i + 1.
    __device__ void place(const Words4 (&pieces)[PIECES]) const {
#pragma unroll
        for (int i = 0; i < PIECES; ++i) {
            const int item = threadIdx.x + i * 32 * PARTS, query = item / (DIM / 8), piece = item % (DIM / 8);
            const int lane = query % 8 * 4 + piece % 4, half = query / 8;
            unsigned *const first = reinterpret_cast<unsigned *>(memory + piece / 4 * 2 * 32 + lane) + half;
            unsigned *const second = first + 32 * 4;
            first[0] = pieces[i].x, first[2] = pieces[i].y;
            second[0] = pieces[i].z, second[2] = pieces[i].w;
        }
    }
};

// A warp's part.  Lane 4 * g + t holds what belongs to the queries g and g + 8.  The products run over dimensions and
// keys in any order that both operands share, so each lane reads 16 bytes of a row at a time, straight into the
// registers of the tensor cores: 8 dimensions from 8 * (4 * i + t) on for the scores, and from 8 * (8 * i + g) on for the
// sums.
template <int DIM> struct Warp {
    static constexpr int PIECES = DIM / 32; // that a lane reads of a key
    static constexpr int HALVES = DIM / 64; // pieces that a lane reads of a value
    const Block<DIM> &block;
    int warp, g, t, start; // start: first key

    __device__ explicit Warp(const Block<DIM> &block)
        : block(block), warp(threadIdx.x / 32), g(threadIdx.x % 32 / 4), t(threadIdx.x % 4),
          start(block.chunk * CHUNK + warp * KEYS) {}

    // Returns where a key's or value's row begins; rows after the last one are as good as the last one.
    __device__ const number *row(const number *rows, int index, int last) const {
        return rows + static_cast<size_t>(block.head) * block.in.capacity * DIM + min(start + index, last) * DIM;
    }

    __device__ void read_keys(Words4 (&keys)[KEYS / 8][PIECES], int last) const {
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) {
            const number *from = row(block.in.keys, 8 * j + g, last) + 8 * t;
#pragma unroll
            for (int i = 0; i < PIECES; ++i) keys[j][i] = written4(from + 32 * i);
        }
    }

    // Reads the values of the keys 16h + 2t, 16h + 2t + 1, 16h + 2t + 8 and 16h + 2t + 9.
    __device__ void read_values(Words4 (&values)[KEYS / 16][4][HALVES], int last) const {
#pragma unroll
        for (int h = 0; h < KEYS / 16; ++h) {
#pragma unroll
            for (int r = 0; r < 4; ++r) {
                const number *from = row(block.in.values, 16 * h + 2 * t + r % 2 + r / 2 * 8, last) + 8 * g;
#pragma unroll
                for (int i = 0; i < HALVES; ++i) values[h][r][i] = written4(from + 64 * i);
            }
        }
    }

    // Scores: query g in scores[j][0] and [1], query g + 8 in [2] and [3]; keys 8j + 2t and 8j + 2t + 1.
    __device__ void score(
        float (&scores)[KEYS / 8][4], const Words4 *queries, const Words4 (&keys)[KEYS / 8][PIECES]) const {
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) {
#pragma unroll
            for (int e = 0; e < 4; ++e) scores[j][e] = 0.0f;
        }
#pragma unroll
        for (int i = 0; i < PIECES; ++i) {
            const Words4 low = queries[2 * i * 32 + 4 * g + t], high = queries[(2 * i + 1) * 32 + 4 * g + t];
#pragma unroll
            for (int j = 0; j < KEYS / 8; ++j) {
                multiply_add(scores[j], {low.x, low.y, low.z, low.w}, {keys[j][i].x, keys[j][i].y});
                multiply_add(scores[j], {high.x, high.y, high.z, high.w}, {keys[j][i].z, keys[j][i].w});
            }
        }
    }

    // Returns which keys query g + 8 * half sees: bit 2j + e stands for key 8j + 2t + e.
    __device__ unsigned seen(int half) const {
        const Inputs &in = block.in;
        const int shared = static_cast<int>(*in.shared), ways = static_cast<int>(*in.ways);
        const int index = static_cast<int>(*in.at) + block.row(g + 8 * half);
        unsigned seen = 0;
#pragma unroll 1
        for (int bit = 0; bit < KEYS / 4; ++bit) {
            const int key = start + bit / 2 * 8 + 2 * t + bit % 2, distance = index - key;
            const bool is_own = distance >= 0 && (ways == 1 || static_cast<unsigned>(distance) % ways == 0);
            seen |= static_cast<unsigned>(key < in.bucket && (key < shared || is_own)) << bit;
        }
        return seen;
    }

    // Scales the scores of query g + 8 * half and hides those of keys that it does not see.
    __device__ void mask(float (&scores)[KEYS / 8][4], int half, unsigned seen) const {
#pragma unroll
        for (int bit = 0; bit < KEYS / 4; ++bit) {
            float &score = scores[bit / 2][2 * half + bit % 2];
            score = seen >> bit & 1 ? score * block.in.scale : minus_infinity();
        }
    }

    // Turns the scores of query g + 8 * half into weights.
    __device__ Part weigh(float (&scores)[KEYS / 8][4], int half) const {
        Part part = {minus_infinity(), 0.0f};
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) {
            part.top = fmaxf(part.top, fmaxf(scores[j][2 * half], scores[j][2 * half + 1]));
        }
        for (int lane = 1; lane < 4; lane *= 2) part.top = fmaxf(part.top, __shfl_xor_sync(~0u, part.top, lane));
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) {
#pragma unroll
            for (int e = 2 * half; e < 2 * half + 2; ++e) {
                scores[j][e] = weight_of(scores[j][e], part.top);
                part.weight += scores[j][e];
            }
        }
        for (int lane = 1; lane < 4; lane *= 2) part.weight += __shfl_xor_sync(~0u, part.weight, lane);
        return part;
    }

    // Adds up the values of one piece of dimensions, weighted, and leaves the sums in shared memory.
    __device__ void sum(const float (&weights)[KEYS / 8][4], const Words4 (&values)[KEYS / 16][4][HALVES], int piece,
        const Parts<DIM> &parts) const {
        float sums[8][4] = {};
#pragma unroll
        for (int h = 0; h < KEYS / 16; ++h) {
            const float (&even)[4] = weights[2 * h], (&odd)[4] = weights[2 * h + 1];
            const unsigned left[4] = {
                pair(even[0], even[1]), pair(even[2], even[3]), pair(odd[0], odd[1]), pair(odd[2], odd[3])};
#pragma unroll
            for (int d = 0; d < 8; ++d) {
                const unsigned order = d % 2 == 0 ? 0x5410 : 0x7632;
                unsigned right[2];
#pragma unroll
                for (int r = 0; r < 2; ++r) {
                    right[r] = __byte_perm(
                        word(values[h][2 * r][piece], d / 2), word(values[h][2 * r + 1][piece], d / 2), order);
                }
                multiply_add(sums[d], left, right);
            }
        }
#pragma unroll
        for (int e = 0; e < 4; ++e) { // sums[d][e] belongs to dimension 8 * (8 * piece + 2t + e % 2) + d
            const int query = g + e / 2 * 8, number = 16 * piece + 4 * t + 2 * (e % 2);
            if (query >= parts.count) continue;
            parts.quad(warp, query, number) = {{sums[0][e], sums[1][e], sums[2][e], sums[3][e]}};
            parts.quad(warp, query, number + 1) = {{sums[4][e], sums[5][e], sums[6][e], sums[7][e]}};
        }
    }

    // Leaves the warp's part in shared memory.
    __device__ void work(const Parts<DIM> &parts, int last) const {
        Words4 keys[KEYS / 8][PIECES], queries[Queries<DIM>::PIECES], values[KEYS / 16][4][HALVES];
        read_keys(keys, last);
        const Queries<DIM> tile = {block, parts.queries()};
        tile.read(queries);
        read_values(values, last);
        tile.place(queries);
        const unsigned visible[2] = {seen(0), seen(1)};
        __syncthreads(); // the queries are in place
        float scores[KEYS / 8][4];
        score(scores, tile.memory, keys);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            mask(scores, half, visible[half]);
            const Part part = weigh(scores, half);
            const int query = g + 8 * half;
            if (t == 0 && query < block.count) parts.part(warp, query) = part;
        }
#pragma unroll
        for (int piece = 0; piece < HALVES; ++piece) sum(scores, values, piece, parts);
    }
};

} // namespace
