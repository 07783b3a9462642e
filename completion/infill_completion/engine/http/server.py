"""The HTTP server of a worker, on a socket that is already bound."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn

from infill_completion.engine.http.app import build_app
from infill_completion.engine.scheduler.activity import IdleLimits
from infill_completion.engine.scheduler.device_failures import DeviceFailures
from infill_completion.engine.scheduler.loading import Load
from infill_completion.engine.scheduler.worker import KeepSpeed, Worker

log = logging.getLogger(__name__)

_GRACE_S = 2


class EngineServer(uvicorn.Server):
    """Serves one worker until a signal, a request or the worker itself calls :meth:`end`.

    Args:
        load: Loads the model, on the worker's thread.
        model: The model's name until it is loaded.
        idle: When to unload and when to end.
        token: Required in every request on TCP.
        hosts: Host names that requests on TCP may use.
        device_failures: Remembers for the next engine that the device failed.
        keep_speed: See :class:`Worker`.
    """

    def __init__(
        self, load: Load, *, model: str, idle: IdleLimits, token: str | None = None, hosts: Sequence[str] = (),
        device_failures: DeviceFailures | None = None, keep_speed: KeepSpeed | None = None,
    ) -> None:  # fmt: skip
        self.worker = Worker(
            load, model=model, idle=idle, on_exit=self.end, device_failures=device_failures, keep_speed=keep_speed
        )
        shut_down: Callable[[], None] = self.end
        super().__init__(
            uvicorn.Config(
                build_app(self.worker, shut_down=shut_down, token=token, hosts=hosts),
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=3600,  # every window keeps one connection and reuses it for every keystroke
                timeout_graceful_shutdown=_GRACE_S,
            )
        )

    def run_on(self, bound: socket.socket) -> bool:
        """Load and serve on ``bound`` until the end; return False if the process cannot end in order then.

        That is where the model thread is still busy, or its device is lost.
        """
        self.worker.start()
        asyncio.run(self.serve(sockets=[bound]))
        return self.worker.join(_GRACE_S) and not self.worker.is_device_lost

    def end(self, reason: str = "It was told to stop.") -> None:
        """End the process soon; may be called from any thread."""
        log.info("Shutting down: %s", reason)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the running requests, which would delay the shutdown, then the connections."""
        self.worker.stop()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End on a signal without raising it again, because the socket must still be removed."""
        self.end(f"Signal {sig}.")
