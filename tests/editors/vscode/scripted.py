"""A scripted engine: `ScriptedEngine` in its own process, controlled through standard input.

Each line is a JSON object: ``{"say": {"when": "return ", "texts": ["a + b"]}}`` (a request whose prefix ends so gets
that text; several are the candidates, in turn; the newest rule that fits counts), ``{"hold": "else"}`` (replies stop
before that token until ``{"release": true}``), ``{"load": true}`` (the model is loaded now).  It prints
``{"event": "listening"}`` and one object for each choice asked for.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading

from infill_completion.api import CompletionRequest
from tests import scripted_engine
from tests.scripted_engine import Reply, ScriptedEngine, _tokens

# A window may take long to open on a busy machine, and the load is delayed until it is open.
scripted_engine.DEADLINE_S = 300.0


class Story:
    """The model's answers, by the end of the prefix."""

    def __init__(self) -> None:
        self.rules: list[tuple[str, list[str]]] = []
        self.held: dict[str, threading.Event] = {}

    def reply(self, request: CompletionRequest) -> Reply:
        texts = next((texts for when, texts in reversed(self.rules) if request.prefix.endswith(when)), [""])
        text = texts[0]
        texts.append(texts.pop(0))
        say(event="request", tail=request.prefix[-40:], text=text, ahead=request.ahead)
        tokens: list[str | threading.Event] = []
        for token in _tokens(text):
            if token in self.held:
                tokens.append(self.held[token])
            tokens.append(token)
        return Reply(tokens)

    def obey(self, order: dict[str, object], load: threading.Event) -> None:
        match order:
            case {"say": {"when": str(when), "texts": list(texts)}}:
                self.rules.append((when, texts))
            case {"hold": str(token)}:
                self.held[token] = threading.Event()
            case {"release": True}:
                for event in self.held.values():
                    event.set()
                self.held.clear()
            case {"load": True}:
                load.set()


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hold-load", action="store_true")
    parser.add_argument("--load-error")
    options = parser.parse_args()
    story, load = Story(), threading.Event()
    if not options.hold_load:
        load.set()
    with ScriptedEngine(default=story.reply, hold_load=load, load_error=options.load_error):
        say(event="listening")
        for line in sys.stdin:
            story.obey(json.loads(line), load)
            say(event="obeyed")


if __name__ == "__main__":
    main()
