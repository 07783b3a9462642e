/* Leave to use AMX, the tiles of Intel's server processors since Sapphire Rapids.
 *
 * Some virtual machines announce AMX and fault at its first instruction.  So build.py calls infill_probe_amx in a process of
 * its own, and infill_use_amx in this one if the other process came back with the right sums.
 */
#pragma once

#if defined(__linux__) && defined(__x86_64__) && defined(__AMX_TILE__) && defined(__AMX_INT8__)
#define HAS_AMX
#endif

/* Ask the kernel for the tiles, for all threads of this process.  Returns whether they may be used from now on. */
int infill_use_amx(void);

/* Whether infill_use_amx was called and returned 1. */
int infill_uses_amx(void);

/* Multiply two small tiles.  Returns 0 if the sums are right; on some machines it does not return. */
int infill_probe_amx(void);

/* Do without it from now on, for comparisons. */
void infill_avoid_amx(void);
