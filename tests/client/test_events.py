"""Server-sent events and lines of JSON, read from streams that are cut anywhere."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infill_completion.api import Chunk, FinishReason, Usage
from infill_completion.client import events
from infill_completion.client.events import STRAY_JSON, EventReader, LineReader, ServerEvent
from infill_completion.client.wire import chunks_from_json
from infill_completion.engine.http.responses import Envelope
from tests.client.streams import CUTS, pieces
from tests.properties import tries


def reference(stream: bytes) -> list[ServerEvent]:
    """Return the events of a whole stream, step by step as in WHATWG HTML 9.2.5 and 9.2.6.

    The stream is decoded first and interpreted line by line; an event without its blank line is dropped.
    """
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    found: list[ServerEvent] = []
    data, event_type = "", ""
    for line in re.split("\r\n|\n|\r", text)[:-1]:
        if line == "":
            if data != "":
                found.append(ServerEvent(event_type, data.removesuffix("\n").encode()))
            data, event_type = "", ""
            continue
        if line.startswith(":"):
            continue
        field, colon, value = line.partition(":")
        if colon and value.startswith(" "):
            value = value[1:]
        if field == "event":
            event_type = value
        elif field == "data":
            data += value + "\n"
    return found


FIELDS = st.sampled_from(["data", "data", "data", "event", "id", "retry", "", "Data", "datax", " data", "\ufeffdata"])
VALUES = st.one_of(
    st.sampled_from(["", " ", "  ", "[DONE]", '{"a": 1}', ":", "x: y", "\u2028", "\x85", "\x0b", "\ufeff", "\0"]),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=8),
)
LINES = st.one_of(
    st.just(b""),
    st.builds(
        lambda field, colon, value: (field + colon + value).encode(), FIELDS, st.sampled_from([":", ": ", ""]), VALUES
    ),
    st.binary(max_size=6).map(lambda noise: b"data:" + noise.replace(b"\r", b"").replace(b"\n", b"")),
    st.binary(max_size=6).map(lambda noise: noise.replace(b"\r", b"").replace(b"\n", b"")),
).filter(lambda line: not line.startswith((b"{", b"error:")) and line != b"error")
ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])
STREAMS = st.builds(
    lambda mark, lines, rest: mark + b"".join(line + end for line, end in lines) + rest,
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef", b"\xef\xbb\xbf\xef\xbb\xbf"]),
    st.lists(st.tuples(LINES, ENDS), max_size=12),
    LINES,
)


@tries(1000)
@given(STREAMS, CUTS)
@example(b"data: a\r\n\r\ndata: b\r\n\r\n", [8, 10])
@example(b"data: a\r\r\ndata: b\n\n", [8, 9])
@example(b"\xef\xbb\xbfdata: a\n\n", [1, 2])
@example("data: \u00fc\n\n".encode(), [7])
@example(b"data: \xc3\n\n\xbc", [7])
@example(b"data\n\ndata\ndata\n\ndata:", [])
def test_events_are_those_of_the_standard_however_the_stream_is_cut(stream: bytes, cuts: list[int]) -> None:
    reader = EventReader()
    assert [event for piece in pieces(stream, cuts) for event in reader.feed(piece)] == reference(stream)


@tries(300)
@given(STREAMS, CUTS)
def test_the_end_of_a_stream_adds_at_most_the_event_that_lacks_its_blank_line(stream: bytes, cuts: list[int]) -> None:
    reader = EventReader()
    read = [event for piece in pieces(stream, cuts) for event in reader.feed(piece)] + reader.finish()
    assert read in (reference(stream), reference(stream + b"\n\n"))


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b"data: [DONE]\n\n \n\n\n", [("", b"[DONE]")]),
        (b"data:\n\n", [("", b"")]),
        (b"data\n\n", [("", b"")]),
        (b"data:a\ndata: b\ndata:  c\n\n", [("", b"a\nb\n c")]),
        (b": ping\n\ndata: a\n\n", [("", b"a")]),
        (b"event: error\ndata: a\n\ndata: b\n\n", [("error", b"a"), ("", b"b")]),
        (b"event: error\n\ndata: b\n\n", [("", b"b")]),
        (b"data: \xff\xfe\n\n", [("", "\ufffd\ufffd".encode())]),
        (b"error: a\n\n", [("error", b"a")]),
        (b'data: a\n{"error": 1}\n\n', [(STRAY_JSON, b'{"error": 1}'), ("", b"a")]),
    ],
)
def test_what_servers_send(stream: bytes, found: list[tuple[str, bytes]]) -> None:
    assert EventReader().feed(stream) == found


@tries(200)
@given(
    st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=8), min_size=1), max_size=5),
    ENDS,
    CUTS,
    st.booleans(),
)
def test_lines_are_read_however_the_stream_is_cut(
    values: list[dict[str, str]], end: bytes, cuts: list[int], is_ended: bool
) -> None:
    stream = end.join(json.dumps(value, ensure_ascii=False).encode() for value in values) + (end if is_ended else b"")
    reader = LineReader()
    read = [event for piece in pieces(b"\xef\xbb\xbf" + end + stream, cuts) for event in reader.feed(piece)]
    assert [json.loads(event.data) for event in [*read, *reader.finish()]] == values


def feed_often(reader: EventReader | LineReader, piece: bytes) -> None:
    for _ in range(100):
        reader.feed(piece)


@pytest.mark.parametrize("reader", [EventReader, LineReader])
@pytest.mark.parametrize("endless", [b"x" * 4096, b"data: " + b"x" * 4096])
def test_a_line_without_end_is_bounded(
    reader: type[EventReader] | type[LineReader], endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_MAX_EVENT_BYTES", 1 << 16)
    reading = reader()
    with pytest.raises(ValueError, match="too long"):
        feed_often(reading, endless)


def test_an_event_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_MAX_EVENT_BYTES", 1 << 16)
    with pytest.raises(ValueError, match="too long"):
        feed_often(EventReader(), b"data: " + b"x" * 4096 + b"\n")


def test_a_long_line_in_small_pieces_is_joined_once() -> None:
    reader, piece = EventReader(), b"x" * 16
    reader.feed(b"data: ")
    for _ in range(100_000):  # quadratic time would be 80 GB of copies
        reader.feed(piece)
    assert reader.feed(b"\n\n") == [ServerEvent("", piece * 100_000)]


CHUNKS = st.builds(
    Chunk,
    index=st.integers(0, 3),
    text=st.text(st.characters(blacklist_categories=["Cs"]), max_size=12),
    finish_reason=st.sampled_from([None, *FinishReason]),
    logprob_sum=st.floats(-100, 0),
    token_count=st.integers(0, 9),
    usage=st.none() | st.builds(Usage, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    timings=st.dictionaries(st.sampled_from(["prefill_ms", "decode_ms"]), st.floats(0, 9)),
)


@tries(200)
@given(st.lists(CHUNKS, max_size=6), CUTS)
def test_what_our_engine_writes_is_what_the_client_reads(chunks: list[Chunk], cuts: list[int]) -> None:
    stream = b"".join(Envelope("m").event(chunk) for chunk in chunks)
    reader = EventReader()
    read = [event for piece in pieces(stream, cuts) for event in reader.feed(piece)]
    assert read == reference(stream)
    assert [chunk for event in read for chunk in chunks_from_json(json.loads(event.data))] == chunks
