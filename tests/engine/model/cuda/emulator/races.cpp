// See races.h.
#include "races.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "device.h"

namespace cuda_on_cpu {
namespace {

const unsigned LANES = 32, MAX_THREADS = 1024;
const unsigned SEVERAL = ~0u;  // warps

// The last write of a byte, and the reads since the last barrier of the block.
struct Byte {
    uint32_t write_epoch, write_warp_epoch, writer;
    uint32_t read_epoch, read_warp_epoch, reading_warp;
    uint32_t readers;  // lanes that have read in read_warp_epoch
    size_t write_place, read_place;
};

struct Memory {
    const char *begin, *end;
    std::vector<Byte> bytes;
};

Memory memories[2];
uint32_t block_epoch;                // grows from block to block too
uint32_t warp_epochs[MAX_THREADS];  // of each thread

[[noreturn]] void race(const char *what, size_t place, size_t other_place) {
    fault_place = place;
    other_fault_place = other_place;
    fail("race in shared memory: %s, with no barrier between", what);
}

void check(Byte &byte, bool writes, size_t place) {
    const unsigned thread = threadIdx.x, warp = thread / LANES, lane = thread % LANES, now = warp_epochs[thread];
    if (byte.write_epoch == block_epoch && byte.writer != thread &&
        (byte.writer / LANES != warp || byte.write_warp_epoch >= now))
        race(writes ? "overwrites what another thread wrote" : "reads what another thread wrote", place,
            byte.write_place);
    bool read = byte.read_epoch == block_epoch;
    if (!writes) {
        bool same_warp = read && byte.reading_warp == warp, same_time = same_warp && byte.read_warp_epoch == now;
        byte.reading_warp = read && !same_warp ? SEVERAL : warp;
        byte.readers = (same_time ? byte.readers : 0) | 1u << lane;
        byte.read_epoch = block_epoch;
        byte.read_warp_epoch = now;
        byte.read_place = place;
        return;
    }
    unsigned others = byte.readers & ~(1u << lane);
    if (read && (byte.reading_warp != warp || (byte.read_warp_epoch >= now && others)))
        race("overwrites what another thread read", place, byte.read_place);
    byte.write_epoch = block_epoch;
    byte.write_warp_epoch = now;
    byte.writer = thread;
    byte.write_place = place;
}

void touch(const void *address, size_t size, bool writes, const void *return_address) {
    const char *first = static_cast<const char *>(address);
    for (Memory &memory : memories) {
        if (first < memory.begin || first + size > memory.end) continue;
        const size_t place = place_of(return_address) - 1;
        for (size_t i = 0; i < size; i++) check(memory.bytes[first - memory.begin + i], writes, place);
        return;
    }
}

}  // namespace

void begin_races(const void *static_begin, const void *static_end, const void *dynamic_begin, size_t dynamic_bytes) {
    const char *begin = static_cast<const char *>(dynamic_begin);
    memories[0] = {static_cast<const char *>(static_begin), static_cast<const char *>(static_end), {}};
    memories[1] = {begin, begin + dynamic_bytes, {}};
    for (Memory &memory : memories) memory.bytes.resize(memory.end - memory.begin);
    block_epoch = 0;
}

void next_block_epoch() {
    block_epoch++;
    memset(warp_epochs, 0, sizeof warp_epochs);
}

void order_lanes(unsigned mask) {
    uint32_t *epochs = warp_epochs + threadIdx.x / LANES * LANES, latest = 0;
    for (unsigned lane = 0; lane < LANES; lane++)
        if (mask >> lane & 1 && epochs[lane] > latest) latest = epochs[lane];
    for (unsigned lane = 0; lane < LANES; lane++)
        if (mask >> lane & 1) epochs[lane] = latest + 1;
}

}  // namespace cuda_on_cpu

// ---- what the compiler calls ----

#define HOOK extern "C" __attribute__((visibility("default"))) void
#define ACCESSES(size)                                                                                                 \
    HOOK __tsan_read##size(void *at) { cuda_on_cpu::touch(at, size, false, __builtin_return_address(0)); }             \
    HOOK __tsan_write##size(void *at) { cuda_on_cpu::touch(at, size, true, __builtin_return_address(0)); }             \
    HOOK __tsan_unaligned_read##size(void *at) { cuda_on_cpu::touch(at, size, false, __builtin_return_address(0)); }   \
    HOOK __tsan_unaligned_write##size(void *at) { cuda_on_cpu::touch(at, size, true, __builtin_return_address(0)); }

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
HOOK __tsan_read_range(void *at, size_t size) { cuda_on_cpu::touch(at, size, false, __builtin_return_address(0)); }
HOOK __tsan_write_range(void *at, size_t size) { cuda_on_cpu::touch(at, size, true, __builtin_return_address(0)); }
HOOK __tsan_init() {}
HOOK __tsan_func_entry(void *) {}
HOOK __tsan_func_exit() {}
