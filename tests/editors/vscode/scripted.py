"""An engine whose words a story writes: `ScriptedEngine` in a process of its own, told what to do on standard input.

Each line is a JSON object: ``{"say": {"when": "return ", "text": "a + b"}}`` (a request whose prefix ends so gets that
text; the newest rule that fits counts), ``{"hold": "else"}`` (replies stop before that token until ``{"release": true}``),
``{"load": true}`` (the model is loaded now).  It prints ``{"event": "listening"}`` and one object for each request.
"""

from __future__ import annotations

import json
import sys
import threading

from infill_completion.api import CompletionRequest
from tests.scripted_engine import Reply, ScriptedEngine, _tokens


class Story:
    """What the model says, by the end of the prefix."""

    def __init__(self) -> None:
        self.rules: list[tuple[str, str]] = []
        self.held: dict[str, threading.Event] = {}

    def reply(self, request: CompletionRequest) -> Reply:
        text = next((text for when, text in reversed(self.rules) if request.prefix.endswith(when)), "")
        say(event="request", tail=request.prefix[-40:], text=text)
        tokens: list[str | threading.Event] = []
        for token in _tokens(text):
            if token in self.held:
                tokens.append(self.held[token])
            tokens.append(token)
        return Reply(tokens)

    def obey(self, order: dict[str, object], load: threading.Event) -> None:
        match order:
            case {"say": {"when": str(when), "text": str(text)}}:
                self.rules.append((when, text))
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
    story, load = Story(), threading.Event()
    if "--hold-load" not in sys.argv[1:]:
        load.set()
    with ScriptedEngine(default=story.reply, hold_load=load):
        say(event="listening")
        for line in sys.stdin:
            story.obey(json.loads(line), load)
            say(event="obeyed")


if __name__ == "__main__":
    main()
