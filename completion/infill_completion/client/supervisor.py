"""The supervisor of the local engine: holds the connection to it and terminates an engine that hangs."""

from __future__ import annotations

from dataclasses import replace

from infill_completion.api import EngineState, EngineUnavailableError, Health
from infill_completion.client.engine import HEALTH_S, EngineClient, EngineGoneError, address_of
from infill_completion.client.process import is_stopped, lock_holder, terminate
from infill_completion.client.run_directory import EnginePaths
from infill_completion.client.silence import SilenceCounter

# The engine keeps deadlines itself.  One that missed several in a row has this long to report its state.
SUSPICIOUS_S = 5.0
# An engine hangs if this many health checks in a row fail.  One that starts gets more, since imports from a slow disk
# delay it, unless the system reports that it was stopped.
_MAX_FAILED_CHECKS = 2
_MAX_FAILED_CHECKS_AT_START = 6


class EngineSupervisor:
    """Holds the client of the engine that listens now, and terminates an engine that hangs.

    Attributes:
        silences: Counts the deadlines that the engine missed.
    """

    def __init__(self) -> None:
        self.silences = SilenceCounter()
        self._client: EngineClient | None = None
        self._failed_checks = 0  # in a row

    @property
    def client(self) -> EngineClient:
        """The client of the engine that answered last.

        Raises:
            EngineGoneError: No engine has answered.
        """
        if self._client is None:
            raise EngineGoneError("The engine does not run; the next request starts it.", EngineState.STARTING)
        return self._client

    def is_current(self, client: EngineClient) -> bool:
        """Return whether requests still go to ``client``."""
        return self._client is client

    def answered(self) -> None:
        """Record that the engine works."""
        self.silences.reset()
        self._failed_checks = 0

    async def check(self, paths: EnginePaths, last: Health) -> Health | None:
        """Return the engine's health, waking it if its weights were unloaded; None if nothing listens.

        An engine that is too busy to answer keeps its ``last`` health, with the state loading.  One that hangs is
        terminated, and then nothing listens: it serves no window, and no other engine can start beside it.

        Raises:
            EngineUnavailableError: The listener is not an engine, or it hangs and cannot be terminated.
        """
        address, pid = address_of(paths), lock_holder(paths)
        if address is None:
            return None
        if self._client is None or self._client.address != address:
            await self.disconnect()
            self._client = EngineClient(address, as_window=True)
        try:
            health = await self._client.health(SUSPICIOUS_S if self.silences.is_suspicious else HEALTH_S)
            self._failed_checks = 0
            return await self._client.wake() if health.state is EngineState.STARTING else health
        except EngineGoneError:
            return None
        except EngineUnavailableError as error:
            if error.state is EngineState.FAILED:
                raise
            self._failed_checks += 1
            if pid is None or pid != lock_holder(paths) or not self._is_hanging(pid):
                return replace(last, state=EngineState.LOADING)
            await self.disconnect()
            if not await terminate(paths, pid):
                raise EngineUnavailableError(
                    f"The engine (process {pid}) hangs; end it with `infill-ls engine stop`."
                ) from error
            self.answered()
            return None

    async def disconnect(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _is_hanging(self, pid: int) -> bool:
        was_ready = self.silences.is_suspicious or is_stopped(pid)
        return self._failed_checks >= (_MAX_FAILED_CHECKS if was_ready else _MAX_FAILED_CHECKS_AT_START)
