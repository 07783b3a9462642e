// See device.h.  A fiber starts by ucontext and then switches by _setjmp and _longjmp, which save no signal mask and so
// make no system call.  What goes wrong in a fiber, a fault included, jumps back to `run`.
#include "device.h"

#include "races.h"

#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid // as glibc calls it
#endif

uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_cpu {
namespace {

const unsigned MAX_THREADS = 1024;
const unsigned LANES = 32;
const size_t STACK_BYTES = 128 * 1024;
const int POISON = 0xff; // four or two of them are a NaN

enum State { READY, AT_BLOCK_MEETING, AT_WARP_MEETING, AT_PREVIOUS_KERNEL, ENDED };

struct Fiber {
    jmp_buf at;
    ucontext_t start;
    bool started;
    State state;
    const char *operation;
    int line;
    unsigned mask;
    void *brought;
};

// A buffer that ends where a page without access begins.
struct Region {
    char *mapping;
    size_t mapped;
    char *begin, *end;
    bool written; // by this kernel
    bool changing; // so that it may be touched only after the previous kernel's end
    char name[128];
};

Fiber fibers[MAX_THREADS];
unsigned warp_waits[MAX_THREADS / LANES]; // a bit for each lane that waits at a meeting
unsigned at_block_meeting, ended;
Fiber *current;
bool running, previous_ended;
jmp_buf scheduler, failed;
char message[512];

const Kernel *kernel;
void **kernel_arguments;
char *stacks;
unsigned char *shared; // dynamic shared memory of this launch
std::vector<Region> regions;
unsigned random_state, limit_s;

unsigned random_below(unsigned bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % bound;
}

void shuffle(std::vector<unsigned> &order) {
    for (unsigned i = 0; i < order.size(); i++) order[i] = i;
    for (unsigned i = order.size(); i > 1; i--) {
        unsigned j = random_below(i), kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
size_t whole_pages(size_t bytes) { return (bytes + page() - 1) / page() * page(); }

// ---- switching ----

__attribute__((noinline)) void leave() {
    if (!_setjmp(current->at)) _longjmp(scheduler, 1);
    asm volatile("" ::: "memory");
}

void fiber_main() {
    for (;;) {
        kernel->body(kernel_arguments);
        current->state = ENDED;
        ended++;
        leave();
    }
}

__attribute__((noinline)) void resume(unsigned thread) {
    current = &fibers[thread];
    threadIdx = {thread, 0, 0};
    if (_setjmp(scheduler)) return;
    if (current->started) _longjmp(current->at, 1);
    current->started = true;
    getcontext(&current->start);
    char *stack = stacks + thread * STACK_BYTES;
    mprotect(stack, page(), PROT_NONE);
    current->start.uc_stack.ss_sp = stack + page();
    current->start.uc_stack.ss_size = STACK_BYTES - page();
    makecontext(&current->start, fiber_main, 0);
    setcontext(&current->start);
}

void wait_as(State state, const char *operation, int line) {
    current->state = state;
    current->operation = operation;
    current->line = line;
    leave();
}

// ---- what went wrong ----

void describe(const char *format, va_list values) {
    int length = snprintf(message, sizeof message, "%s, block (%u, %u, %u), thread %u: ", kernel->name, blockIdx.x,
        blockIdx.y, blockIdx.z, threadIdx.x);
    vsnprintf(message + length, sizeof message - length, format, values);
}

[[noreturn]] void fail_deadlock() {
    const Fiber *waiting = nullptr, *other = nullptr;
    for (unsigned i = 0; i < blockDim.x; i++) {
        const Fiber &fiber = fibers[i];
        if (fiber.state != ENDED && !waiting) waiting = &fiber;
    }
    for (unsigned i = 0; i < blockDim.x; i++) {
        const Fiber &fiber = fibers[i];
        if (fiber.state == ENDED || fiber.line != waiting->line) other = &fiber;
    }
    threadIdx.x = waiting - fibers;
    const char *there = waiting->operation;
    unsigned thread = other ? other - fibers : 0;
    if (!other) fail("deadlock: waits at %s in line %d for lanes that the block doesn't have", there, waiting->line);
    if (other->state == ENDED)
        fail("deadlock: waits at %s in line %d, but thread %u has ended", there, waiting->line, thread);
    fail("deadlock: waits at %s in line %d, but thread %u waits at %s in line %d", there, waiting->line, thread,
        other->operation, other->line);
}

// Returns memory of `bytes` bytes before a page without access; its address modulo 16 is `offset`.
Region new_region(size_t bytes, size_t offset, const char *name, bool written, bool changing) {
    size_t room = whole_pages(bytes + 32), mapped = page() + room + page();
    char *mapping = static_cast<char *>(mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(mapping + page(), room, PROT_READ | PROT_WRITE);
    memset(mapping + page(), POISON, room);
    char *limit = mapping + page() + room;
    size_t slack = (16 - (bytes + offset) % 16) % 16;
    Region region = {mapping, mapped, limit - slack - bytes, limit - slack, written, changing, ""};
    snprintf(region.name, sizeof region.name, "%s", name);
    return region;
}

// Forgets a region; returns how many bytes right beside it have changed.
int end_region(size_t number) {
    const Region region = regions[number];
    const char *low = region.mapping + page(), *high = region.mapping + region.mapped - page();
    int changed = 0;
    for (const char *at = low; at < high; at++)
        changed += (at < region.begin || at >= region.end) && static_cast<unsigned char>(*at) != POISON;
    munmap(region.mapping, region.mapped);
    regions.erase(regions.begin() + number);
    return changed;
}

const Region *region_near(const char *address) {
    for (const Region &region : regions)
        if (address >= region.mapping && address < region.mapping + region.mapped) return &region;
    return nullptr;
}

void on_fault(int signal, siginfo_t *info, void *context) {
    if (!running) {
        ::signal(signal, SIG_DFL);
        return;
    }
#ifdef __x86_64__
    fault_place = place_of(reinterpret_cast<void *>(static_cast<ucontext_t *>(context)->uc_mcontext.gregs[REG_RIP]));
#else
    (void)context;
#endif
    const char *address = static_cast<const char *>(info->si_addr);
    if (signal == SIGXCPU) fail("runs for more than %u s", limit_s);
    if (signal == SIGFPE) fail("divides by zero");
    if (signal == SIGILL) fail("undefined behaviour");
    if (address >= stacks && address < stacks + MAX_THREADS * STACK_BYTES)
        fail("uses more than %zu bytes of stack", STACK_BYTES);
    const Region *region = region_near(address);
    if (!region) fail("touches the address %p, which belongs to no argument", info->si_addr);
    if (address < region->begin)
        fail("touches %zd bytes before the start of %s", region->begin - address, region->name);
    if (address >= region->end)
        fail("touches byte %zd of %s, which has %zd", address - region->begin, region->name,
            region->end - region->begin);
    if (region->changing && !previous_ended)
        fail("touches byte %zd of %s, before wait_for_previous()", address - region->begin, region->name);
    fail("writes byte %zd of %s, which is const", address - region->begin, region->name);
}

const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGXCPU}, ALL = 5;
struct sigaction before[ALL];
timer_t timer;

void catch_faults() {
    static char alternative[64 * 1024];
    stack_t stack = {};
    stack.ss_sp = alternative;
    stack.ss_size = sizeof alternative;
    sigaltstack(&stack, nullptr);
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int i = 0; i < ALL; i++) sigaction(SIGNALS[i], &action, &before[i]);
    struct sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGXCPU;
    event.sigev_notify_thread_id = gettid();
    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer);
    struct itimerspec end = {};
    end.it_value.tv_sec = limit_s;
    timer_settime(timer, 0, &end, nullptr);
}

void release_faults() {
    timer_delete(timer);
    for (int i = 0; i < ALL; i++) sigaction(SIGNALS[i], &before[i], nullptr);
}

// ---- blocks ----

// Allows what the kernel may do with its arguments: all of it only after the previous kernel's end.
void protect(bool previous_ended) {
    for (const Region &region : regions) {
        int allowed = !previous_ended && region.changing ? PROT_NONE
            : region.written                             ? PROT_READ | PROT_WRITE
                                                         : PROT_READ;
        mprotect(region.mapping + page(), region.mapped - 2 * page(), allowed);
    }
}

void run_block(const Launch &launch, std::vector<unsigned> &order) {
    protect(false);
    previous_ended = false;
    next_block_epoch();
    memset(kernel->shared_begin, POISON, kernel->shared_end - kernel->shared_begin);
    memset(shared, POISON, launch.shared_bytes);
    at_block_meeting = ended = 0;
    memset(warp_waits, 0, sizeof warp_waits);
    for (unsigned i = 0; i < launch.threads; i++) fibers[i].state = READY;
    shuffle(order);
    while (ended < launch.threads) {
        bool progress = false;
        unsigned first = random_below(launch.threads);
        for (unsigned i = 0; i < launch.threads; i++) {
            unsigned place = first + i < launch.threads ? first + i : first + i - launch.threads;
            if (fibers[order[place]].state != READY) continue;
            progress = true;
            resume(order[place]);
        }
        if (progress) continue;
        for (unsigned i = 0; i < launch.threads; i++) {
            if (fibers[i].state != AT_PREVIOUS_KERNEL) continue;
            fibers[i].state = READY;
            progress = true;
        }
        if (!progress) fail_deadlock();
        protect(true);
        previous_ended = true;
    }
}

void run_blocks(const Launch &launch) {
    std::vector<unsigned> order(launch.threads), blocks(launch.grid[0] * launch.grid[1] * launch.grid[2]);
    random_state = launch.seed * 2654435761u + 88172645u;
    shuffle(blocks);
    for (unsigned block : blocks) {
        blockIdx = {
            block % launch.grid[0], block / launch.grid[0] % launch.grid[1], block / launch.grid[0] / launch.grid[1]};
        run_block(launch, order);
    }
}

} // namespace

size_t fault_place, other_fault_place;

size_t place_of(const void *code) {
    static Dl_info library;
    if (!library.dli_fbase) dladdr(reinterpret_cast<void *>(place_of), &library);
    return reinterpret_cast<size_t>(code) - reinterpret_cast<size_t>(library.dli_fbase);
}

void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    describe(format, values);
    va_end(values);
    _longjmp(failed, 1);
}

void block_meeting(const char *operation, int line, void *mine, LastOfBlock last) {
    current->brought = mine;
    if (++at_block_meeting < blockDim.x) return wait_as(AT_BLOCK_MEETING, operation, line);
    at_block_meeting = 0;
    static void *brought[MAX_THREADS];
    for (unsigned i = 0; i < blockDim.x; i++) {
        Fiber &fiber = fibers[i];
        brought[i] = fiber.brought;
        if (&fiber == current) continue;
        if (fiber.line != line || strcmp(fiber.operation, operation) != 0)
            fail(
                "is at %s in line %d, but thread %u at %s in line %d", operation, line, i, fiber.operation, fiber.line);
        fiber.state = READY;
    }
    next_block_epoch();
    if (last) last(brought, blockDim.x);
}

void warp_meeting(const char *operation, int line, unsigned mask, void *mine, LastOfWarp last) {
    unsigned thread = threadIdx.x, lane = thread % LANES, first = thread - lane;
    if (!(mask >> lane & 1)) fail("%s in line %d: the mask %#x leaves the caller out", operation, line, mask);
    current->brought = mine;
    current->mask = mask;
    unsigned &waits = warp_waits[thread / LANES];
    waits |= 1u << lane;
    if ((waits & mask) != mask) return wait_as(AT_WARP_MEETING, operation, line);
    waits &= ~mask;
    void *brought[LANES] = {};
    for (unsigned i = 0; i < LANES; i++) {
        if (!(mask >> i & 1)) continue;
        Fiber &fiber = fibers[first + i];
        brought[i] = fiber.brought;
        if (&fiber == current) continue;
        if (fiber.mask != mask || fiber.line != line || strcmp(fiber.operation, operation) != 0)
            fail("is at %s in line %d with mask %#x, but thread %u at %s in line %d with mask %#x", operation, line,
                mask, first + i, fiber.operation, fiber.line, fiber.mask);
        fiber.state = READY;
    }
    if (last) last(brought, mask);
}

void previous_kernel(int line) { wait_as(AT_PREVIOUS_KERNEL, "wait_for_previous", line); }

void read_early(void *to, const void *from, size_t bytes) {
    const Region *region = region_near(static_cast<const char *>(from));
    const bool is_hidden = region && region->changing && !previous_ended;
    if (is_hidden) mprotect(region->mapping + page(), region->mapped - 2 * page(), PROT_READ);
    memcpy(to, from, bytes);
    if (is_hidden) mprotect(region->mapping + page(), region->mapped - 2 * page(), PROT_NONE);
}

unsigned char *dynamic_shared() { return shared; }

void check_aligned(const void *address, unsigned bytes, const char *operation, int line) {
    if (reinterpret_cast<size_t>(address) % bytes != 0)
        fail("%s in line %d: the address is not a multiple of %u", operation, line, bytes);
}

const char *run(const Kernel &chosen, const Launch &launch, void **arguments) {
    kernel = &chosen;
    kernel_arguments = arguments;
    limit_s = launch.limit_s;
    gridDim = {launch.grid[0], launch.grid[1], launch.grid[2]};
    blockDim = {launch.threads, 1, 1};
    if (!stacks)
        stacks = static_cast<char *>(mmap(nullptr, MAX_THREADS * STACK_BYTES, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    regions.push_back(new_region(launch.shared_bytes, 0, "dynamic shared memory", true, false));
    shared = reinterpret_cast<unsigned char *>(regions.back().begin);
    begin_races(kernel->shared_begin, kernel->shared_end, shared, launch.shared_bytes);
    catch_faults();
    running = true;
    fault_place = other_fault_place = 0;
    const char *result = nullptr;
    if (_setjmp(failed)) {
        for (Fiber &fiber : fibers) fiber.started = false;
        result = message;
    } else {
        run_blocks(launch);
    }
    running = false;
    release_faults();
    end_region(regions.size() - 1);
    for (const Region &region : regions)
        mprotect(region.mapping + page(), region.mapped - 2 * page(), PROT_READ | PROT_WRITE);
    return result;
}

} // namespace cuda_on_cpu

// ---- for Python ----

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED char *new_region(size_t bytes, size_t offset, const char *name, int written, int changing) {
    using namespace cuda_on_cpu;
    regions.push_back(new_region(bytes, offset, name, written != 0, changing != 0));
    return regions.back().begin;
}

// Returns how many bytes right beside a region have changed.
EXPORTED int end_region(const char *begin) {
    using namespace cuda_on_cpu;
    for (size_t i = 0; i < regions.size(); i++)
        if (regions[i].begin == begin) return end_region(i);
    return 0;
}

EXPORTED size_t fault_offset() { return cuda_on_cpu::fault_place; }
EXPORTED size_t other_fault_offset() { return cuda_on_cpu::other_fault_place; }

// ---- for the compiler's checks: each handler gets a structure that begins with the place ----

struct Place {
    const char *file;
    unsigned line, column;
};

#define CHECK(name, sentence)                                                                                          \
    EXPORTED void __ubsan_handle_##name(const Place *place) { cuda_on_cpu::fail(sentence " in line %u", place->line); }
CHECK(out_of_bounds_abort, "uses an index beyond an array")
CHECK(shift_out_of_bounds_abort, "shifts by too many bits")
CHECK(divrem_overflow_abort, "divides by zero")
CHECK(add_overflow_abort, "adds signed numbers beyond their range")
CHECK(sub_overflow_abort, "subtracts signed numbers beyond their range")
CHECK(mul_overflow_abort, "multiplies signed numbers beyond their range")
CHECK(negate_overflow_abort, "negates a signed number beyond its range")
CHECK(missing_return, "ends a function without a value")
CHECK(builtin_unreachable, "gets where it says that it can't")
EXPORTED void __ubsan_handle_type_mismatch_v1_abort(const Place *place, size_t address) {
    cuda_on_cpu::fail("uses the address %#zx, which is not aligned for its type, in line %u", address, place->line);
}
