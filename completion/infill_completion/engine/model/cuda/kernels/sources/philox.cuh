// Counter-based random numbers: Philox4x32-10 of Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
#pragma once

// The random numbers of the tokens at one place.
struct Philox {
    unsigned long long seed, place;
    unsigned block, words[4]; // the last counter and its words

    __device__ Philox(unsigned long long seed, unsigned long long place)
        : seed(seed), place(place), block(0xffffffff) {}

    __device__ void draw(unsigned counter) {
        unsigned a = counter, b = static_cast<unsigned>(place), c = static_cast<unsigned>(place >> 32), d = 0;
        unsigned key = static_cast<unsigned>(seed), other = static_cast<unsigned>(seed >> 32);
#pragma unroll
        for (int round = 0; round < 10; ++round, key += 0x9E3779B9u, other += 0xBB67AE85u) {
            const unsigned long long one = 0xD2511F53ull * a, two = 0xCD9E8D57ull * c;
            a = static_cast<unsigned>(two >> 32) ^ b ^ key, b = static_cast<unsigned>(two);
            c = static_cast<unsigned>(one >> 32) ^ d ^ other, d = static_cast<unsigned>(one);
        }
        words[0] = a, words[1] = b, words[2] = c, words[3] = d;
    }

    // Returns a uniform number of a token, above 0 and below 1; the four tokens of a counter share its words.
    __device__ float uniform(unsigned id) {
        if (id / 4 != block) block = id / 4, draw(block);
        const unsigned word = id & 2 ? (id & 1 ? words[3] : words[2]) : (id & 1 ? words[1] : words[0]);
        return fminf(static_cast<float>(word) * 0x1p-32f + 0x1p-33f, 1.0f - 0x1p-24f);
    }
};
