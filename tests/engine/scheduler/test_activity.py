"""Waits of the model thread while the engine is idle."""

from __future__ import annotations

import threading

from infill_completion.engine.scheduler.activity import Activity


def test_a_limit_of_centuries_is_no_longer_than_a_thread_can_wait() -> None:
    activity = Activity()
    assert activity.remaining_s(1e12) == threading.TIMEOUT_MAX
    threading.Timer(0, activity.stop).start()
    assert activity.wait_for_wake(1e12)
