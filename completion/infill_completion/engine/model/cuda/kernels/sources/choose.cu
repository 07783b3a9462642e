// The next token of each row and its log-probability, in one kernel: temperature, top-p and the draw, without a sort.
//
// The rule is that of choose_static (static_step.py).  A token's weight is e = exp((logit - largest) / temperature), in
// float32, so the largest is 1.  Tokens are ordered by falling weight, and by rising id where weights are equal; the
// nucleus are those before which the weights add up to at most top_p of all.  Of the nucleus, the token with the largest
// ratio of weight to noise wins, where noise is exponentially distributed: an exponential race.
//
// The border of the nucleus is found by a radix descent over the bits of the weights.  Weights are added up as integers
// in units of 2^-40, which makes the sums exact and the same in any order, so that the result depends on nothing but the
// row.  A float32 sum may decide otherwise for a token right at the border.  Tokens with a weight below one unit are
// never drawn.
//
// Noise comes from Philox4x32-10, keyed by the seed; its counter is the token and the position of the row.  So a position
// draws the same token however many rows a step has and however often it is computed.
//
// NaN is never chosen.  Of rows without a number above minus infinity the tokens with minus infinity are equally likely.
#include "philox.cuh"
#include "tokens.cuh"

// The nucleus: weights above a limit, and of those equal to it the ones with the lowest ids.
struct Nucleus {
    unsigned weight_bits, last_id;
    __device__ bool has(unsigned id, float e) const {
        const unsigned bits = __float_as_uint(e);
        return bits > weight_bits || (bits == weight_bits && id <= last_id);
    }
};

// Finds the bits of the border's weight from `last_shift` on.
template <class Tokens>
__device__ inline Border border_of(const Tokens &tokens, Room &room, Border border, int shift, int last_shift) {
    return descend(
        tokens, room.bins, border, shift, last_shift,
        [](unsigned, float e, unsigned &key) { return key = __float_as_uint(e) - LEAST, has_mass(e); },
        [](float e) { return mass_of(e); });
}

constexpr int HIGHEST_SHIFT = 2 * BIN_BITS; // weights have three times ten bits

template <class Tokens>
__device__ inline Nucleus nucleus_of(const Tokens &tokens, Room &room, Border border, int shift) {
    border = border_of(tokens, room, border, shift, 0);
    const unsigned bits = border.key + LEAST;
    const Mass one = mass_of(__uint_as_float(bits)), wanted = border.left / one + 1;
    if (wanted >= border.mass / one) return {bits, LAST_ID};
    const Border last = descend(
        tokens, room.bins, {0, wanted - 1, 0}, BIN_BITS, 0,
        [bits](unsigned id, float e, unsigned &key) { return key = LAST_ID - id, __float_as_uint(e) == bits; },
        [](float) { return static_cast<Mass>(1); });
    return {bits, LAST_ID - last.key};
}

__device__ inline Nucleus nucleus_of(const ListedTokens &tokens, Room &room, Mass limit) {
    return nucleus_of(tokens, room, {0, limit, 0}, HIGHEST_SHIFT);
}

// Once the first bits are known, few tokens are left that may be the border, and these are listed.
template <class T> __device__ inline Nucleus nucleus_of(const AllTokens<T> &tokens, Room &room, Mass limit) {
    if (threadIdx.x == 0) room.count = 0;
    const Border border = border_of(tokens, room, {0, limit, 0}, HIGHEST_SHIFT, HIGHEST_SHIFT);
    tokens.each([&](unsigned id, float e) {
        if (has_mass(e) && (__float_as_uint(e) - LEAST) >> HIGHEST_SHIFT == border.key) room.add(id, e);
    });
    __syncthreads();
    if (room.count <= LISTED) return nucleus_of(ListedTokens{&room}, room, border, HIGHEST_SHIFT - BIN_BITS);
    return nucleus_of(tokens, room, border, HIGHEST_SHIFT - BIN_BITS);
}

// Returns the winner of the race among the nucleus, whose largest weight, 1, `top` has.
template <class Tokens>
__device__ inline unsigned race(const Tokens &tokens, Room &room, Nucleus nucleus, Philox noise, unsigned top) {
    float best = 0.0f;
    Mass winner = 0;
    const auto run = [&](unsigned id, float e) {
        if (!nucleus.has(id, e)) return;
        const float uniform = noise.uniform(id);
        if (uniform * best > 1.001f * e) return; // the noise is larger than the uniform number, so this cannot win
        const float ratio = e / -log1pf(-uniform);
        const Mass own = packed(__float_as_uint(ratio), id);
        if (own > winner) winner = own, best = ratio;
    };
    run(top, 1.0f); // first in every thread, because few can beat it
    tokens.each(run);
    winner = over_block(winner, room.bins.parts, [](Mass a, Mass b) { return a > b ? a : b; });
    return ~static_cast<unsigned>(winner);
}

template <class Tokens>
__device__ inline unsigned draw(
    const Tokens &tokens, Room &room, float top_p, Mass total, const Philox &noise, unsigned top) {
    Nucleus nucleus = {LEAST, LAST_ID};
    if (!(top_p >= 1.0f)) {
        const double share = top_p > 0.0f ? top_p : 0.0f;
        nucleus = nucleus_of(tokens, room, static_cast<Mass>(share * static_cast<double>(total)));
    }
    return race(tokens, room, nucleus, noise, top);
}

template <class T>
__device__ inline unsigned sampled(
    const Row<T> &row, Room &room, float largest, float temperature, float top_p, const Philox &noise, unsigned top) {
    const AllTokens<T> all = {row, largest, 1.0f / temperature};
    // All tokens below this weight together have less than half of the mass that the nucleus leaves out, so the border
    // is above them.
    const float least = fmaxf((1.0f - top_p) * 0.5f / row.vocabulary, 0x1p-40f);
    Mass total = 0;
    all.each([&](unsigned id, float e) {
        if (!has_mass(e)) return;
        total += mass_of(e);
        if (e >= least) room.add(id, e);
    });
    total = over_block(total, room.bins.parts, [](Mass a, Mass b) { return a + b; });
    if (total == 0) return top;
    const bool is_short = room.count <= LISTED;
    __syncthreads(); // the list may be made anew
    if (is_short) return draw(ListedTokens{&room}, room, top_p, total, noise, top);
    return draw(all, room, top_p, total, noise, top);
}

// Writes the first `count` logits of a group.
__device__ inline void write_scores(float *to, const float (&x)[GROUP], int count) {
    if (is_aligned(to) && count >= GROUP) return write_group(to, x);
#pragma unroll
    for (int i = 0; i < GROUP; ++i)
        if (i < count) to[i] = x[i];
}

// Returns the noise of the token after the one at a cache index: candidates draw at their positions, each with a seed of
// its own; see fork.py.
__device__ inline Philox noise_of(Mass seed, Mass at, Mass shared, Mass ways) {
    if (ways <= 1 || at < shared) return {seed, at};
    const unsigned after = static_cast<unsigned>(at - shared), way = static_cast<unsigned>(ways);
    return {seed + after % way, shared + after / way};
}

// Chooses the token of the row of this block; see choose.py for the arguments.
template <class T>
__device__ inline void choose(Room &room, const T *logits, int stride, int vocabulary, const float *settings,
    const Mass *seed, const Mass *shared, const Mass *ways, Mass *index, double *result, Mass *ids, int advances,
    float *scores, int writes_scores) {
    wait_for_previous();
    let_next_start();
    const Row<T> row = {logits + static_cast<Mass>(stride) * blockIdx.x, vocabulary};
    const float temperature = settings[0], top_p = settings[1];
    const Philox noise = noise_of(seed[0], index[0] + blockIdx.x, shared[0], ways[0]);
    float *own_scores = scores + static_cast<Mass>(vocabulary) * blockIdx.x;
    if (threadIdx.x == 0) room.count = 0;

    float most = minus_infinity();
    unsigned at = ALL;
    row.each_group([&](unsigned first, const float (&x)[GROUP]) {
#pragma unroll
        for (int i = 0; i < GROUP; ++i)
            if (x[i] > most || (at == ALL && x[i] == most)) most = x[i], at = first + i;
        if (writes_scores) write_scores(own_scores + first, x, vocabulary - first);
    });
    const Mass found = over_block(
        at == ALL ? 0 : packed(ordered_bits(most), at), room.bins.parts, [](Mass a, Mass b) { return a > b ? a : b; });
    const unsigned top = found == 0 ? 0 : ~static_cast<unsigned>(found);
    const float largest = found == 0 ? minus_infinity() : from_ordered(static_cast<unsigned>(found >> 32));

    float sum = 0.0f;
    row.each_group([&](unsigned, const float (&x)[GROUP]) {
#pragma unroll
        for (int i = 0; i < GROUP; ++i) sum += weight(power_of(x[i], largest, 1.0f));
    });
    sum = over_block(sum, room.sums, [](float a, float b) { return a + b; });

    unsigned chosen = top;
    if (temperature >= MIN_TEMPERATURE) chosen = sampled(row, room, largest, temperature, top_p, noise, top);
    if (threadIdx.x != 0) return;
    const float x = read(row.logits + chosen);
    result[2 * blockIdx.x] = chosen;
    result[2 * blockIdx.x + 1] = (x == largest ? 0.0f : x - largest) - logf(sum);
    if (advances) ids[0] = chosen, index[0] += 1;
}

extern "C" __global__ void __launch_bounds__(1024) choose_numbers(const number *logits, int stride, int vocabulary,
    const float *settings, const Mass *seed, const Mass *shared, const Mass *ways, Mass *index, double *result,
    Mass *ids, int advances, float *scores, int writes_scores) {
    __shared__ Room room;
    choose(room, logits, stride, vocabulary, settings, seed, shared, ways, index, result, ids, advances, scores,
        writes_scores);
}

extern "C" __global__ void __launch_bounds__(1024) choose_floats(const float *logits, int stride, int vocabulary,
    const float *settings, const Mass *seed, const Mass *shared, const Mass *ways, Mass *index, double *result,
    Mass *ids, int advances, float *scores, int writes_scores) {
    __shared__ Room room;
    choose(room, logits, stride, vocabulary, settings, seed, shared, ways, index, result, ids, advances, scores,
        writes_scores);
}
