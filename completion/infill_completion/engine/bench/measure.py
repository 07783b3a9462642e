"""The measurements of ``infill-ls bench decode``, each on the same weights as the transformers reference."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.catalog import Quantization
from infill_completion.engine.bench.models import Subject
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model import fused_ops
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass

environment.prepare()

# The reference example's sampling.
TEMPERATURE, TOP_P = 0.1, 0.9
_COPY_BYTES = {"cuda": 2 << 30, "cpu": 256 << 20}
_SOURCES = ("argparse.py", "tarfile.py", "typing.py", "subprocess.py", "logging/__init__.py", "zipfile.py")


@dataclass(frozen=True)
class Decode:
    """Decoding at one context length; all rates are tokens a second behind the first token, of the fastest run.

    Attributes:
        context_tokens: Tokens of the prompt.
        candidates: Sequences decoded together; their tokens are added up.
        loop: The engine's loop, one token a step, from the model alone.
        shipped: The engine as it is shipped: n-gram cache where the model has one, drafts from the text around.
        reference: transformers' ``generate()`` as in the reference example; None where it was not measured.
        roofline: What reading the weights and the cache once a step allows at the measured copy bandwidth.
        joined: As ``loop`` with q, k, v and gate, up as one product each, in 4 bits on CUDA; None elsewhere.
        fused: As ``joined`` with compiled kernels between the products (`fused_ops`).
    """

    context_tokens: int
    candidates: int
    loop: float
    shipped: float
    reference: float | None
    roofline: float
    joined: float | None = None
    fused: float | None = None


@dataclass(frozen=True)
class Cancel:
    """Milliseconds from the moment nobody waits any more to the end of the work, worst of several tries."""

    decode_ms: float
    prefill_ms: float


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def copy_bandwidth(device: torch.device) -> float:
    """Return the bytes a second that a copy within the device's memory reads and writes, best of several."""
    size = _COPY_BYTES.get(device.type, 256 << 20)
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = []
    for _ in range(8):
        synchronize(device)
        started = time.perf_counter()
        target.copy_(source)
        synchronize(device)
        times.append(time.perf_counter() - started)
    return 2 * size / min(times)


@contextlib.contextmanager
def busy_neighbours(count: int, *, of_another_session: bool = False) -> Iterator[None]:
    """Keep ``count`` other processes busy meanwhile.

    ``of_another_session`` puts them together into a session of their own, as what runs in a terminal is in one beside
    the engine, which begins its own too: Linux shares the processors out among sessions first (``autogroup``).
    """
    forks = f"import os; all(os.fork() for _ in range({count - 1})); " if of_another_session else ""
    command = [sys.executable, "-I", "-c", f"{forks}exec('while True: sum(range(100_000))')"]
    started = [
        subprocess.Popen(command, start_new_session=of_another_session)
        for _ in range(min(count, 1) if of_another_session else count)
    ]
    try:
        yield
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL) if of_another_session else process.kill()
            process.wait()


@cache
def code() -> str:
    """Return real code: modules of the standard library."""
    folder = Path(sysconfig.get_path("stdlib"))
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in _SOURCES if (folder / name).exists())


def request_of(
    generator: Generator, context_tokens: int, max_tokens: int, *, candidates: int = 1, skip_lines: int = 0
) -> CompletionRequest:
    """Return a request with about ``context_tokens`` tokens of real code, a quarter of them behind the cursor.

    ``skip_lines`` chooses other code, so that nothing of an earlier prompt can be reused.
    """
    lines = code().splitlines(keepends=True)[skip_lines:]
    taken = _lines_of(generator, lines, max(8, context_tokens - 8))
    before = max(1, taken * 3 // 4)
    return CompletionRequest(
        prefix="".join(lines[:before]),
        suffix="".join(lines[before:taken]),
        max_tokens=max_tokens,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        n=candidates,
        seed=0,
    )


def _lines_of(generator: Generator, lines: list[str], tokens: int) -> int:
    counts = itertools.accumulate(len(generator.model.tokenizer.encode_line(line)) for line in lines)
    return max(1, sum(1 for _ in itertools.takewhile(lambda total: total <= tokens, counts)))


def run(generator: Generator, request: CompletionRequest) -> Chunk:
    """Answer a request and return its last chunk, which carries usage and timings."""
    last = Chunk()
    generator.model.recent_texts.clear()  # the answer to the run before would be a draft that is always right
    for chunk in generator.stream(request, lambda: False):
        last = chunk
    return last


def endless(generator: Generator, *, shipped: bool) -> Generator:
    """Return a twin over the same weights that does not stop at an end token, so that every run has the same length.

    ``shipped`` keeps the n-gram cache and the drafts; else every token is a step of the model alone.
    """
    twin = generator.with_settings() if shipped else generator.with_settings(cache=None, draft_tokens=0)
    twin.model.stop_tokens = frozenset()
    return twin


def variants(subject: Subject) -> dict[str, Generator]:
    """Return endless twins of the bare loop that hold or compute the same otherwise: in 4 bits on CUDA, else none."""
    is_for_these = subject.model.device.type == "cuda" and subject.quantization is Quantization.NF4
    return twins(subject) if is_for_these else {}


def twins(subject: Subject) -> dict[str, Generator]:
    """Return twins with joined products, and with compiled kernels between them too."""
    generator = subject.generator
    capacity, tokens = generator.model.forward_pass.decoder.capacity, generator.model.tokenizer.vocab_size
    decoder = Decoder(subject.model, capacity, tokens=tokens, join_quantised=True)
    pieces = {"joined": fused_ops.PLAIN, "fused": fused_ops.compiled(decoder.device, decoder.dtype)}
    twins = {name: endless(generator, shipped=False) for name in pieces}
    for name, twin in twins.items():
        twin.model.forward_pass = ForwardPass(decoder)
        twin.model.device_loop = DeviceLoop(decoder, 0, pieces[name])
    return twins


def ours_per_second(generator: Generator, request: CompletionRequest) -> float:
    """Return tokens a second behind the first token of each candidate, of one run."""
    last = run(generator, request)
    assert last.usage is not None
    seconds = (last.timings["decode_ms"] - (last.timings["ttft_ms"] - last.timings["prefill_ms"])) / 1000
    return (last.usage.completion_tokens - request.n) / seconds


@torch.inference_mode()
def reference_per_second(model: Any, prompt_ids: list[int], tokens: int, candidates: int) -> float:
    """Return tokens a second of ``generate()`` behind the first token; it samples as the reference example does."""
    ids = torch.tensor([prompt_ids], device=model.device)
    first_at: list[float] = []

    def clock(seen: torch.Tensor, _scores: Any, **_more: Any) -> torch.Tensor:
        """Note when the first token is there; never stop."""
        if not first_at:
            synchronize(model.device)
            first_at.append(time.perf_counter())
        return torch.zeros(seen.shape[0], dtype=torch.bool, device=seen.device)

    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens, do_sample=True,
        temperature=TEMPERATURE, top_p=TOP_P, num_return_sequences=candidates, pad_token_id=0,
        stopping_criteria=[clock],
    )  # fmt: skip
    synchronize(model.device)
    assert out.shape[-1] == len(prompt_ids) + tokens
    return (tokens - 1) * candidates / (time.perf_counter() - first_at[0])


@contextlib.contextmanager
def all_threads(device: torch.device) -> Iterator[None]:
    """Give a reference on the CPU every core, as it takes by default."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def decode(
    subject: Subject, context_tokens: int, bandwidth: float, *, tokens: int, candidates: int = 1, repeats: int = 3,
    reference: bool = True, others: Mapping[str, Generator] = MappingProxyType({}),
) -> Decode:  # fmt: skip
    """Measure decoding at one context length.

    The contestants take turns, and of each the fastest run counts: whatever else the machine does only slows one down.
    ``others`` are those of :func:`variants`.
    """
    shipped, bare = endless(subject.generator, shipped=True), endless(subject.generator, shipped=False)
    request = request_of(bare, context_tokens, tokens, candidates=candidates)
    prompt_ids, model = list(bare.model.prompt(request).ids), subject.model

    def with_all_threads() -> float:
        with all_threads(model.device):
            return reference_per_second(model, prompt_ids, tokens, candidates)

    contestants: dict[str, Callable[[], float]] = {
        "loop": partial(ours_per_second, bare, request),
        "shipped": partial(ours_per_second, shipped, request),
    }
    if candidates == 1:
        contestants |= {name: partial(ours_per_second, other, request) for name, other in others.items()}
    if reference:
        contestants["generate"] = with_all_threads
    if reference and model.device.type == "cpu":  # with a busy neighbour fewer threads are faster
        contestants["generate, our threads"] = partial(reference_per_second, model, prompt_ids, tokens, candidates)
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats + 1):
        for name, measure in contestants.items():
            rates[name].append(measure())
    best = {name: max(values[1:]) for name, values in rates.items()}  # the first run warms up
    theirs = [rate for name, rate in best.items() if name.startswith("generate")]
    return Decode(
        context_tokens=len(prompt_ids),
        candidates=candidates,
        loop=best["loop"],
        shipped=best["shipped"],
        reference=max(theirs, default=None),
        roofline=candidates * bandwidth / subject.step_bytes(len(prompt_ids)),
        joined=best.get("joined"),
        fused=best.get("fused"),
    )


def cancel(subject: Subject, context_tokens: int) -> Cancel:
    """Measure how long work goes on that nobody waits for, in the prefill and in the decode."""
    generator = endless(subject.generator, shipped=True)
    request = request_of(generator, context_tokens, 256, skip_lines=50)
    whole = run(generator, request).timings
    prefill_s, decode_s = whole["prefill_ms"] / 1000, whole["decode_ms"] / 1000
    decode, prefill = [], []
    for attempt in range(5):
        skipped = 1500 + 200 * attempt
        prefill.append(_after(generator, request_of(generator, context_tokens, 8, skip_lines=skipped), prefill_s / 2))
        decode.append(_after(generator, request, decode_s * (0.3 + 0.05 * attempt)))
    return Cancel(decode_ms=max(decode), prefill_ms=max(prefill))


def _after(generator: Generator, request: CompletionRequest, delay_s: float) -> float:
    """Cancel a request after a while and return the milliseconds it went on for; 0 where it ended before."""
    at = time.perf_counter() + delay_s
    last = Chunk()
    for chunk in generator.stream(request, lambda: time.perf_counter() >= at):
        last = chunk
    return (time.perf_counter() - at) * 1000 if last.finish_reason is FinishReason.CANCELLED else 0.0


def resident_bytes(device: torch.device) -> int:
    """Return the memory held now: allocated on the GPU, else resident of this process; 0 where nobody can tell."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def quietly(measure: Callable[[], Any], failures: list[str], what: str) -> Any:
    """Return what a measurement gives; where it fails, note why and return None, so that the others are not lost."""
    try:
        return measure()
    except Exception as error:  # out of memory, a kernel that is missing, a full disk
        first = next(iter(str(error).splitlines()), "")
        failures.append(f"{what}: {type(error).__name__}: {first}")
        return None
