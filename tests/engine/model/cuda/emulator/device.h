// The part of a CUDA device that runs threads: one block at a time, each of its threads a fiber.
#pragma once

#include <cstddef>

struct uint3 {
    unsigned x, y, z;
};

extern uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_cpu {

struct Launch {
    unsigned grid[3];
    unsigned threads;
    unsigned shared_bytes;
    unsigned seed;  // of the order of blocks and threads
    unsigned limit_s;  // of processor time
};

// What a kernel's source adds: the kernel's name and body, and where its static shared memory is.
struct Kernel {
    const char *name;
    void (*body)(void **arguments);
    char *shared_begin, *shared_end;
};

// Runs a kernel; returns null, or a sentence about what went wrong.
const char *run(const Kernel &kernel, const Launch &launch, void **arguments);

// Ends the launch with a message that names the kernel, the block and the thread.
[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Where the last mistake was, and the access that it contradicts, as offsets in this library; 0 where unknown.
extern size_t fault_place, other_fault_place;

// Returns an address of code as an offset in this library.
size_t place_of(const void *code);

// Waits until all threads of the block are here.  `mine` is what this thread has brought; the last one to come calls
// `last`, if that isn't null, with the things of all.
typedef void (*LastOfBlock)(void **brought, unsigned threads);
void block_meeting(const char *operation, int line, void *mine, LastOfBlock last);

// The same for the lanes of a warp that `mask` names.
typedef void (*LastOfWarp)(void **brought, unsigned mask);
void warp_meeting(const char *operation, int line, unsigned mask, void *mine, LastOfWarp last);

// Blocks until the previous kernel has ended.
void previous_kernel(int line);

// Copies memory that the previous kernel may be changing.
void read_early(void *to, const void *from, size_t bytes);

unsigned char *dynamic_shared();

// Ends the launch unless `bytes` bytes can be read, or written, at an address that must be aligned to them.
void check_aligned(const void *address, unsigned bytes, const char *operation, int line);

}  // namespace cuda_on_cpu
