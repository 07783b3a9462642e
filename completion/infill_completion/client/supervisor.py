"""The connection to the engine of one set of settings, and the suspicion that it hangs."""

from __future__ import annotations

from dataclasses import replace

from infill_completion.api import EngineState, EngineUnavailableError, Health
from infill_completion.client.engine import HEALTH_S, EngineClient, EngineGoneError, address_of
from infill_completion.client.process import ended, holder, is_stopped
from infill_completion.client.run_directory import EnginePaths

# So many deadlines in a row without a word are suspicious: the engine keeps them itself.
MOST_SILENCES = 3
# It then has so long to tell its state.
SUSPICIOUS_S = 5.0
# An engine that does not tell its state so often in a row hangs. One that starts has more time, since an import from a
# slow disk holds it up, unless the system says that it was stopped.
MOST_UNHEARD = 2
MOST_UNHEARD_AT_START = 6


class Contact:
    """Holds the client of the engine that listens now, and ends an engine that answers nobody."""

    def __init__(self) -> None:
        self._client: EngineClient | None = None
        self._silences = 0  # deadlines in a row without a word
        self._unheard = 0  # questions for its state in a row without an answer

    @property
    def client(self) -> EngineClient:
        """The client of the engine that answered last.

        Raises:
            EngineGoneError: There is none.
        """
        if self._client is None:
            raise EngineGoneError("The engine does not run; the next request starts it.", EngineState.STARTING)
        return self._client

    @property
    def is_suspicious(self) -> bool:
        """Whether the engine let several deadlines in a row pass without a word."""
        return self._silences >= MOST_SILENCES

    def is_with(self, client: EngineClient) -> bool:
        """Tell whether ``client`` is still the one that requests go to."""
        return self._client is client

    def heard(self) -> None:
        """Take note of a word of the engine."""
        self._silences = self._unheard = 0

    def not_heard(self) -> None:
        """Take note of a deadline without a word."""
        self._silences += 1

    async def state(self, paths: EnginePaths, last: Health) -> Health | None:
        """Return the engine's state, waking it where its weights were unloaded; None where nothing listens.

        One that is too busy to tell has the ``last`` state, loading. One that hangs is ended, and then nothing listens:
        it is of no use to any window, and no other can start beside it.

        Raises:
            EngineUnavailableError: What listens is no engine, or one that hangs and cannot be ended.
        """
        address, pid = address_of(paths), holder(paths)
        if address is None:
            return None
        if self._client is None or self._client.address != address:
            await self.drop()
            self._client = EngineClient(address, as_window=True)
        try:
            health = await self._client.health(SUSPICIOUS_S if self.is_suspicious else HEALTH_S)
            self._unheard = 0
            return await self._client.wake() if health.state is EngineState.STARTING else health
        except EngineGoneError:
            return None
        except EngineUnavailableError as error:
            if error.state is EngineState.FAILED:
                raise
            self._unheard += 1
            if pid is None or pid != holder(paths) or not self._hangs(pid):
                return replace(last, state=EngineState.LOADING)
            await self.drop()
            if not await ended(paths, pid):
                raise EngineUnavailableError(
                    f"The engine (process {pid}) hangs; end it with `infill-ls engine stop`."
                ) from error
            self.heard()
            return None

    async def drop(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _hangs(self, pid: int) -> bool:
        was_ready = self.is_suspicious or is_stopped(pid)
        return self._unheard >= (MOST_UNHEARD if was_ready else MOST_UNHEARD_AT_START)
