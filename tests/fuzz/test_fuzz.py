"""No input breaks a face of the product: the kept inputs, and some thousand new ones with a fixed seed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import pytest

from tests.fuzz.fuzzer import Target, corpus_of, fuzz, run_once
from tests.fuzz.registry import TARGETS
from tests.fuzz.targets.lsp import SESSIONS

# `make fuzz` runs longer, and so does the continuous integration.
SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs_break_nothing(name: str) -> None:
    target = TARGETS[name]
    findings = [finding for data in corpus_of(target) if (finding := run_once(target, data))]
    assert not findings, findings[0].report


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs_break_nothing(name: str) -> None:
    report = fuzz(TARGETS[name], seed=1, seconds=SECONDS, is_guided=False)
    assert not report.findings, f"{report.findings[0].data!r}\n{report.findings[0].report}"
    assert report.executions > len(corpus_of(TARGETS[name]))


NOTIFICATIONS = [message for session in SESSIONS for message in session if "id" not in message]


@pytest.mark.parametrize("message", NOTIFICATIONS, ids=lambda message: message["method"])
@pytest.mark.parametrize("is_last", [False, True])
def test_a_notification_that_is_sent_as_a_request_is_answered(message: dict[str, Any], is_last: bool) -> None:
    ending = [{"jsonrpc": "2.0", "id": 7, "method": "shutdown"}] if is_last else []
    session = [*ending, {**message, "id": 77}]
    finding = run_once(TARGETS["lsp"], json.dumps(session).encode())
    assert finding is None, finding.report


class Brittle:
    """Breaks at one input that no seed is near: a number above 1000 in a list, in an object."""

    name = "brittle"

    def seeds(self) -> Sequence[bytes]:
        return [b'{"a": [1, 2]}']

    def run(self, data: bytes) -> None:
        try:
            tree = json.loads(data)
        except (ValueError, RecursionError):
            return
        items = tree.get("a") if isinstance(tree, dict) else None
        assert not (isinstance(items, list) and any(isinstance(item, int) and item > 1000 for item in items))


def test_the_fuzzer_finds_what_it_is_meant_to_find() -> None:
    target: Target = Brittle()
    report = fuzz(target, seed=1, executions=3000)
    assert [json.loads(finding.data)["a"] for finding in report.findings]
    again = fuzz(target, seed=1, executions=3000)
    assert [finding.data for finding in again.findings] == [finding.data for finding in report.findings]
