#define _GNU_SOURCE /* syscall */
#include "amx.h"

static int is_used;

int infill_uses_amx(void) { return is_used; }

void infill_avoid_amx(void) { is_used = 0; }

#ifdef HAS_AMX
#include <immintrin.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REQUEST_PERMISSION 0x1023 /* ARCH_REQ_XCOMP_PERM of arch_prctl, since Linux 5.16 */
#define TILE_DATA 18              /* the number of this part of the registers */

int infill_use_amx(void) {
    is_used = syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
    return is_used;
}

int infill_probe_amx(void) {
    struct {
        uint8_t palette, start, unused[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1, .row_bytes = {64, 64, 64}, .rows = {16, 16, 16}};
    uint8_t a[16][64];
    int8_t b[16][64]; /* four inputs of each of 16 outputs after another */
    int32_t sums[16][16], wrong = 0;
    if (!infill_use_amx()) return -1;
    for (int r = 0; r < 16; r++)
        for (int i = 0; i < 64; i++) {
            a[r][i] = (uint8_t)(255 - r * i % 11);
            b[r][i] = (int8_t)(r * 5 - i);
        }
    _tile_loadconfig(&shape);
    _tile_zero(0);
    _tile_loadd(1, a, 64);
    _tile_loadd(2, b, 64);
    _tile_dpbusd(0, 1, 2);
    _tile_stored(0, sums, 64);
    _tile_release();
    for (int r = 0; r < 16; r++)
        for (int o = 0; o < 16; o++) {
            int32_t sum = 0;
            for (int i = 0; i < 64; i++) sum += a[r][i] * b[i / 4][4 * o + i % 4];
            wrong |= sums[r][o] != sum;
        }
    return wrong ? -1 : 0;
}
#else
int infill_use_amx(void) { return 0; }

int infill_probe_amx(void) { return -1; }
#endif
