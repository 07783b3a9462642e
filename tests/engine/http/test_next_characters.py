"""How likely each next character is reaches the client that wants to know, in the stream and whole."""

from __future__ import annotations

import json

import pytest

from infill_completion.api import Chunk, FinishReason
from infill_completion.client.wire import chunks_from_json
from infill_completion.engine.http.responses import Envelope

LIKELY = {"a": 0.5, "\n": 0.25, "": 0.125, "é": 0.0625}
CHUNKS = [Chunk(text="a", next_characters=LIKELY), Chunk(text="b", finish_reason=FinishReason.STOP)]


def test_the_likely_characters_reach_the_client() -> None:
    envelope = Envelope("m")
    (read,) = chunks_from_json(json.loads(envelope.event(CHUNKS[0]).removeprefix(b"data: ")))
    assert read.next_characters == LIKELY
    assert list(read.next_characters) == list(LIKELY)  # the likeliest first
    (whole,) = chunks_from_json(json.loads(envelope.whole(CHUNKS)))
    assert (whole.text, whole.next_characters) == ("ab", LIKELY)


def test_the_alternatives_of_a_token_reach_the_client_in_the_stream() -> None:
    chunks = [Chunk(text="a", alternatives={"ab": 0.5, "": 0.25}), Chunk(text="b", alternatives={"c": 0.5})]
    envelope = Envelope("m")
    for chunk in chunks:
        (read,) = chunks_from_json(json.loads(envelope.event(chunk).removeprefix(b"data: ")))
        assert read.alternatives == chunk.alternatives
    assert b"alternatives" not in envelope.whole(chunks)  # they are those of one token


def test_without_a_report_there_is_no_field() -> None:
    assert b"next_characters" not in Envelope("m").event(CHUNKS[1])
    assert b"alternatives" not in Envelope("m").event(CHUNKS[1])
    assert chunks_from_json({"choices": [{"text": "a", "next_characters": None}]})[0].next_characters == {}


@pytest.mark.parametrize("said", [[1], "a", {"a": "often"}, {"a": None}])
def test_a_report_of_another_shape_is_an_error_of_the_answer(said: object) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError)):
        chunks_from_json({"choices": [{"text": "a", "next_characters": said}]})
    with pytest.raises((ValueError, TypeError, AttributeError)):
        chunks_from_json({"choices": [{"text": "a", "alternatives": said}]})
