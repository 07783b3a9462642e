"""Loads a model and reports its progress, or its failure, as health."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace

from infill_completion.api import EngineState, Health
from infill_completion.engine.environment import OWN_KERNELS
from infill_completion.engine.errors import ModelError, first_line, is_device_lost, is_ending
from infill_completion.engine.progress import Progress
from infill_completion.engine.scheduler.device_failures import DeviceFailures
from infill_completion.engine.scheduler.failures import log_failure
from infill_completion.engine.scheduler.scheduler import SchedulableModel

log = logging.getLogger(__name__)

Load = Callable[[Progress], SchedulableModel]


def load_model(
    load: Load, before: Health, publish: Callable[[Health], None], device_failures: DeviceFailures
) -> tuple[SchedulableModel | None, Health]:
    """Load the model; return it, or None if that failed, and the new health.

    Args:
        load: Loads the model.
        before: The health before.
        publish: Called with the health while the model is loading.
        device_failures: Tells whether the device may be used, and records its loss.
    """
    loading = replace(before, state=EngineState.LOADING, reason="", progress=0.0, details={})
    publish(loading)

    def progress(fraction: float, what: str) -> None:
        publish(replace(loading, progress=min(max(fraction, 0.0), 1.0), reason=what))

    started = time.monotonic()
    try:
        _check(device_failures)
        model = load(progress)
    except BaseException as error:  # of any library, panics too; /health gives the reason
        if is_ending(error):
            raise
        reason = device_failures.record(error) if is_device_lost(error) else _reason(error)
        log_failure(reason, error)
        return None, replace(loading, state=EngineState.FAILED, reason=reason, progress=None)
    load_s = round(time.monotonic() - started, 3)
    log.info("%s is ready on %s after %.1f s.", model.name, model.device, load_s)
    ready = replace(
        loading, state=EngineState.READY, model=model.name, device=model.device, progress=None,
        details={**model.details, "load_s": load_s},
    )  # fmt: skip
    return model, ready


def _check(device_failures: DeviceFailures) -> None:
    """Raise ModelError where the device failed too often to be used now; after one failure, turn own kernels off."""
    if problem := device_failures.problem():
        raise ModelError(problem)
    if device_failures.is_suspect:
        # For the rest of this process: it may be a kernel that lost the device.
        os.environ[OWN_KERNELS] = "0"
        log.warning("The device failed lately; this engine does without its own kernels.")


def _reason(error: BaseException) -> str:
    if isinstance(error, ModelError):
        return str(error)
    return f"The model could not be loaded ({type(error).__name__}: {first_line(error)}); run `infill-ls doctor`."
