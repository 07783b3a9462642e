"""Threads that share a step: the bits of one thread, whatever becomes of the others."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.engine.bench.machine import busy_neighbours
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native.step import NativeStep
from tests.engine.model.native.int8_models import empty_cache, int8_tiny, needs_compiler, token_ids
from tests.engine.model.native.test_families import model_of
from tests.engine.model.native.test_int4 import in_four_bits

pytestmark = needs_compiler
TOKENS = 24
LIMIT_S = 120.0
# Wider than the items that are taken at once, so that there is something to share.
WIDE = {"hidden_size": 256, "intermediate_size": 1024, "num_attention_heads": 8, "num_key_value_heads": 2}


@pytest.fixture(autouse=True)
def end_threads(library: ctypes.CDLL) -> Iterator[None]:
    yield
    library.infill_end_threads()
    assert library.infill_helpers() == 0


@pytest.fixture
def decoder() -> Decoder:
    """A decoder with 4-bit layers and an 8-bit head."""
    return in_four_bits(model_of("Llama", **WIDE))


def answers(step: NativeStep, decoder: Decoder) -> list[torch.Tensor]:
    """Return logits of single steps, of a prompt, of drafts and of candidates."""
    ids, cache = token_ids(1, TOKENS) % decoder.vocab_size, empty_cache(decoder, 64)
    found = [step.last_scores([int(id_)], cache, at).clone() for at, id_ in enumerate(ids[0])]
    found.append(step(ids, cache, 0, all_logits=True).clone())
    found += [each.clone() for each in step.scores(ids[0, :9].tolist(), cache, 5)]
    found += [each.clone() for each in step.scores(ids[0, :6].tolist(), cache, 8, Fork(8, 3))]
    return found


def assert_same(got: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    assert all(torch.equal(one, other) for one, other in zip(got, expected, strict=True))


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_any_number_of_threads_computes_the_same_bits(library: ctypes.CDLL, decoder: Decoder, threads: int) -> None:
    expected = answers(NativeStep(library, decoder), decoder)
    assert library.infill_helpers() == 0
    assert_same(answers(NativeStep(library, decoder, threads), decoder), expected)
    assert library.infill_helpers() == threads - 1


@pytest.mark.parametrize("shape", [{}, {"attention_bias": True, "intermediate_size": 160}, {"vocab_size": 4107}])
def test_shapes_that_are_no_multiples_are_shared_too(
    tmp_path: Path, library: ctypes.CDLL, shape: dict[str, Any]
) -> None:
    decoder, _ = int8_tiny(tmp_path, **shape)
    assert_same(answers(NativeStep(library, decoder, 3), decoder), answers(NativeStep(library, decoder), decoder))


@pytest.mark.parametrize("neighbours", [1, 3])
def test_helpers_without_a_core_change_nothing(library: ctypes.CDLL, decoder: Decoder, neighbours: int) -> None:
    """All threads and the neighbours share one core, so helpers lose it in the middle of their work."""
    expected = answers(NativeStep(library, decoder), decoder)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        with busy_neighbours(neighbours):
            step = NativeStep(library, decoder, 3)
            for _ in range(10):
                assert_same(answers(step, decoder), expected)
    finally:
        os.sched_setaffinity(0, before)


def test_a_helper_that_stands_still_is_not_waited_for(library: ctypes.CDLL, decoder: Decoder) -> None:
    """Helpers at the lowest priority on one core beside a busy neighbour hardly ever run."""
    expected = answers(NativeStep(library, decoder), decoder)
    known = set(Path("/proc/self/task").iterdir())
    step = NativeStep(library, decoder, 4)
    assert_same(answers(step, decoder), expected)
    core = {min(os.sched_getaffinity(0))}
    helpers = [int(each.name) for each in set(Path("/proc/self/task").iterdir()) - known]
    assert len(helpers) == library.infill_helpers() == 3
    for helper in helpers:
        os.sched_setaffinity(helper, core)
        os.sched_setscheduler(helper, os.SCHED_IDLE, os.sched_param(0))
    with busy_neighbours(3):
        for _ in range(10):
            assert_same(answers(step, decoder), expected)


def test_engines_in_one_process_share_the_threads(library: ctypes.CDLL, decoder: Decoder, tmp_path: Path) -> None:
    other, _ = int8_tiny(tmp_path)
    decoders = [decoder, other, decoder, other]
    expected = [answers(NativeStep(library, each), each) for each in decoders]
    steps = [NativeStep(library, each, threads) for each, threads in zip(decoders, (2, 3, 4, 2), strict=True)]
    started = threading.Barrier(len(steps))

    def run(number: int) -> bool:
        started.wait(LIMIT_S)
        for _ in range(5):
            assert_same(answers(steps[number], decoders[number]), expected[number])
        return True

    with ThreadPoolExecutor(len(steps)) as pool:
        assert all(pool.map(run, range(len(steps))))
    assert library.infill_helpers() <= 3


def test_memory_may_be_freed_between_steps(library: ctypes.CDLL, decoder: Decoder) -> None:
    expected = answers(NativeStep(library, decoder), decoder)
    for _ in range(20):
        step = NativeStep(library, decoder, 4)
        assert_same(answers(step, decoder), expected)
        large = KVCache(decoder.kv_shape._replace(dtype=torch.int8), 60_000)  # unmapped as soon as it is freed
        step.last_scores([7], large, 50_000 % decoder.capacity)
        del large, step


def test_threads_end_and_start_again(library: ctypes.CDLL, decoder: Decoder) -> None:
    step = NativeStep(library, decoder, 3)
    expected = answers(step, decoder)
    for _ in range(3):
        step.close()
        assert library.infill_helpers() == 0
        assert_same(answers(step, decoder), expected)
        assert library.infill_helpers() == 2


def test_a_child_process_starts_threads_of_its_own(library: ctypes.CDLL, decoder: Decoder) -> None:
    step = NativeStep(library, decoder, 3)
    expected = answers(step, decoder)
    child = os.fork()
    if child == 0:  # nothing that pytest would do when it ends
        code = 1
        with contextlib.suppress(BaseException):
            assert library.infill_helpers() == 0
            assert_same(answers(step, decoder), expected)
            assert library.infill_helpers() == 2
            step.close()
            code = 0
        os._exit(code)
    timer = threading.Timer(LIMIT_S, os.kill, (child, signal.SIGKILL))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    assert os.waitstatus_to_exitcode(status) == 0
    assert_same(answers(step, decoder), expected)


def test_a_process_ends_with_threads_at_work(library: ctypes.CDLL, tmp_path: Path) -> None:
    script = """
import ctypes, sys, threading, torch
from infill_completion.engine.model.native.step import NativeStep
from tests.engine.model.native.int8_models import empty_cache
from tests.engine.model.native.test_families import model_of
from tests.engine.model.native.test_int4 import in_four_bits
from tests.engine.model.native.test_threads import WIDE
decoder = in_four_bits(model_of("Llama", **WIDE))
step = NativeStep(ctypes.CDLL(sys.argv[1]), decoder, 4)
cache, ready = empty_cache(decoder, 64), threading.Event()
def work():
    while True:
        step.last_scores([7], cache, 30)
        ready.set()
threading.Thread(target=work, daemon=True).start()
assert ready.wait(60)
print("ends")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, library._name], capture_output=True, text=True, timeout=LIMIT_S, check=False,
        cwd=Path(__file__).parents[4],
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "ends\n"), done.stderr[-2000:]
