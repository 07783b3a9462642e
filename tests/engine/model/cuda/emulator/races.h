// Races in shared memory: two threads touch a byte, one of them writes it, and no barrier lies between.
//
// The compiler calls a function for each access, as it does for its own thread sanitizer.  Meetings order accesses: all
// of a block at __syncthreads, those of the lanes in the mask at __syncwarp.  Shuffles, votes and products order none.
#pragma once

#include <cstddef>

namespace cuda_on_cpu {

// Begins a launch whose shared memory is in these two places.
void begin_races(const void *static_begin, const void *static_end, const void *dynamic_begin, size_t dynamic_bytes);

// Begins a block, or what follows a barrier of all of its threads.
void next_block_epoch();

// Orders what lanes of the current thread's warp did before and what they do from now on.
void order_lanes(unsigned mask);

} // namespace cuda_on_cpu
