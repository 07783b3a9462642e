"""Decoding of streamed answers: server-sent events, and lines of JSON."""

from __future__ import annotations

from typing import NamedTuple

_MAX_EVENT_BYTES = 32 << 20
# The name of an event that is a line of JSON among the fields: some servers write their own errors like that.
STRAY_JSON = "{"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """One server-sent event; ``name`` is empty for the default type, and ``data`` is valid UTF-8."""

    name: str
    data: bytes


class _LineSplitter:
    """Splits a stream of bytes into lines that end at LF, CRLF or CR, after a byte order mark that is dropped.

    The parts of an unfinished line are joined once, at its end: the time is linear however the stream is cut.
    """

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []
        self._unfinished_bytes = 0
        self._is_after_cr = False
        self._start: bytes | None = b""  # what may become a byte order mark; None: the stream has begun

    def feed(self, part: bytes) -> list[bytes]:
        """Return the lines that end in ``part``.

        Raises:
            ValueError: A line is too long for a completion.
        """
        if self._start is not None:
            part = self._start + part
            if len(part) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(part):
                self._start = part
                return []
            self._start, part = None, part.removeprefix(_BYTE_ORDER_MARK)
        if not part:
            return []
        if self._is_after_cr:  # its line has been returned already
            part = part.removeprefix(b"\n")
        self._is_after_cr = part.endswith(b"\r")
        *lines, rest = part.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if lines:
            lines[0] = b"".join([*self._unfinished, lines[0]])
            self._unfinished, self._unfinished_bytes = [], 0
        self._unfinished.append(rest)
        self._unfinished_bytes += len(rest)
        if self._unfinished_bytes > _MAX_EVENT_BYTES:
            raise ValueError("a line is too long")
        return lines

    def finish(self) -> bytes:
        """Return the unfinished line at the end of the stream."""
        rest = b"".join([self._start or b"", *self._unfinished])
        self._unfinished, self._unfinished_bytes, self._start = [], 0, None
        return rest


class EventReader:
    """Splits a stream of bytes into server-sent events.

    Data may contain U+2028 and other characters that ``str.splitlines`` splits at.  Ids and retry times are ignored.
    Two things that other readers ignore are events here, because servers report their own errors like that: a field
    ``error``, as older llama.cpp servers send it, becomes an event of that name, and a line that begins with ``{`` one
    of the name :data:`STRAY_JSON`.

    Source of the format: WHATWG HTML, sections 9.2.5 and 9.2.6.
    """

    def __init__(self) -> None:
        self._lines = _LineSplitter()
        self._name = ""
        self._data: list[bytes] = []
        self._data_bytes = 0

    def feed(self, part: bytes) -> list[ServerEvent]:
        """Return the events that end in ``part``.

        Raises:
            ValueError: An event is too long for a completion.
        """
        return [event for line in self._lines.feed(part) for event in self._line(line)]

    def finish(self) -> list[ServerEvent]:
        """Return the event that the end of the stream left without its blank line.

        Browsers drop it, because it may be cut; some servers never send the last blank line.
        """
        return [*self._line(self._lines.finish()), *self._line(b"")]

    def _line(self, line: bytes) -> list[ServerEvent]:
        if not line:
            return self._dispatch()
        if line.startswith(b"{"):
            return [ServerEvent(STRAY_JSON, line.decode("utf-8", "replace").encode())]
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field in {b"data", b"error"}:
            self._data.append(value)
            self._data_bytes += len(value)
            if field == b"error":
                self._name = "error"
            if self._data_bytes > _MAX_EVENT_BYTES:
                raise ValueError("an event is too long")
        return []

    def _dispatch(self) -> list[ServerEvent]:
        name, data, self._name, self._data, self._data_bytes = self._name, self._data, "", [], 0
        return [ServerEvent(name, b"\n".join(data).decode("utf-8", "replace").encode())] if data else []


class LineReader:
    """Splits a stream of bytes into lines, each of which is one JSON object; blank lines are dropped."""

    def __init__(self) -> None:
        self._lines = _LineSplitter()

    def feed(self, part: bytes) -> list[ServerEvent]:
        """Return the lines that end in ``part``, as events without a name.

        Raises:
            ValueError: A line is too long for a completion.
        """
        return [event for line in self._lines.feed(part) for event in self._line(line)]

    def finish(self) -> list[ServerEvent]:
        """Return the last line if it has no line end."""
        return self._line(self._lines.finish())

    @staticmethod
    def _line(line: bytes) -> list[ServerEvent]:
        return [ServerEvent("", line.decode("utf-8", "replace").encode())] if line.strip() else []
