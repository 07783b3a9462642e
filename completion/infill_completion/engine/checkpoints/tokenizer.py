"""Encode text to token ids and back, such that user text can never become a control token.

This module uses the ``tokenizers`` library directly: the infilling path of transformers' CodeLlama tokenizer puts a
space before the suffix, skips infilling for an empty suffix and parses control tokens in the text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from infill_completion.catalog import names_of_folder
from infill_completion.engine.checkpoints.gguf.loading import opened
from infill_completion.engine.checkpoints.gguf.vocabulary import vocabulary
from infill_completion.engine.checkpoints.pieces import Pieces
from infill_completion.engine.checkpoints.tokenizer_files import (
    Ends,
    backend_of,
    byte_level_table,
    contains_type,
    converted,
    ends_of,
    is_control,
    start_of_text,
)
from infill_completion.engine.errors import ModelError, first_line, is_ending
from infill_completion.prompt.formats import CODE_LLAMA, FimFormat, format_of_tokens
from infill_completion.prompt.layout import InfillingTokens
from infill_completion.prompt.rewriting.formats import EditFormat, edit_format_of_names

SENTINEL = "☺"
LINE_CACHE = 65_536
# So many tokens without an embedding are spelled; more are another model's tokenizer.
_MOST_SPELLED = 64
_MAX_IDS = 1 << 22  # the largest vocabularies have 262,144
# Code in any language has these; a vocabulary without one of them is not whole.
_CHARACTERS = tuple(bytes([byte]) for byte in (ord("\n"), *range(ord(" "), ord("~") + 1)))


class Tokenizer:
    """A checkpoint's tokenizer, for building prompts and decoding.

    Args:
        document: ``tokenizer.json``.
        ends: The tokens that start and end a text.
        name: The model's name or folder, which distinguishes model families with the same infilling tokens.
        form: The infilling format if it is none of the known families'.

    Attributes:
        bos: Id that starts a prompt, or None.
        eos: Id that ends a text, or None.
        infilling: The tokens of its infilling format, or None for a left-to-right model.
        edit_format: The format in which it rewrites lines, or None for a model that does not.
        control: All ids that text must never encode to.
        pieces: The bytes of each id; empty for control ids.
        newline_separates: Whether no token joins a newline with other text, so that lines can be encoded separately.
    """

    def __init__(
        self, document: dict[str, Any], ends: Ends | None = None, name: str = "", form: FimFormat | None = None
    ) -> None:
        ends = ends or Ends()
        added = {str(token["content"]): int(token["id"]) for token in document.get("added_tokens", ())}
        vocab: dict[str, int] = dict(document["model"]["vocab"]) | added
        self.bos = start_of_text(document, added, ends)
        self.eos = vocab.get(ends.eos) if ends.eos else added.get("</s>", added.get("<|endoftext|>"))
        if not all(type(id_) is int and 0 <= id_ < _MAX_IDS for id_ in vocab.values()):
            raise ValueError("a token has an impossible id")
        form = format_of_tokens(vocab, name) or form
        controls = {content: id_ for content, id_ in added.items() if is_control(content)}
        # Some CodeLlama checkpoints have these only among the pieces.
        named = form or CODE_LLAMA
        controls |= {content: vocab[content] for content in (*named.marks, *named.ends) if content in vocab}
        self.control = frozenset(controls.values())
        self._names = {id_: name for name, id_ in controls.items()}
        kept = [token for token in document.get("added_tokens", ()) if int(token["id"]) not in self.control]
        # The library renumbers added tokens that are not in the vocabulary once some are removed.
        pieces = dict(document["model"]["vocab"]) | {str(token["content"]): int(token["id"]) for token in kept}
        plain = document | {
            "model": document["model"] | {"vocab": pieces}, "added_tokens": kept, "post_processor": None,
            "truncation": None, "padding": None,
        }  # fmt: skip
        self._backend = backend_of(plain)
        self.vocab_size = max(vocab.values()) + 1
        self._is_byte_level = contains_type(document.get("decoder"), "ByteLevel")
        self.pieces = self._piece_bytes(vocab, frozenset(added.values()))
        self._leads = self.decode(self._backend.encode("x", add_special_tokens=False).ids) != "x"
        self._sentinel = self._checked_sentinel() if self._leads else ()
        self._newline = tuple(self._backend.encode("\n", add_special_tokens=False).ids)
        self.newline_separates = all(piece == b"\n" for piece in self.pieces if b"\n" in piece)
        self.encode_line = lru_cache(LINE_CACHE)(self._encode_line)
        self.infilling = None if form is None else self._infilling(form, vocab)
        self.edit_format = _edit_format(name, form)

    @classmethod
    def load(cls, folder: Path, name: str = "") -> Tokenizer:
        """Read the tokenizer of the checkpoint in ``folder``, which may be a GGUF file.

        Args:
            folder: Where the checkpoint is.
            name: The model's name, if it has one.

        Raises:
            ModelError: The tokenizer is missing or cannot be read.
        """
        file = folder / "tokenizer.json"
        name = " ".join([name, *names_of_folder(folder)])
        try:
            if folder.is_file():
                header, description = opened(folder)
                made = vocabulary(header)
                return cls(made.document, made.ends, " ".join([name, *description.names]), made.form)
            ends = ends_of(folder)
            if file.is_file():  # a pipe would wait for somebody to write
                return cls(json.loads(file.read_text(encoding="utf-8")), ends, name)
            return cls(converted(folder), ends, name)
        except ModelError:
            raise
        except BaseException as error:  # a panic of the library too
            if is_ending(error):
                raise
            raise ModelError(
                f"The tokenizer in {folder} cannot be read ({type(error).__name__}: {first_line(error)}); "
                "fetch the model again with `infill-ls models pull`."
            ) from error

    @property
    def highest(self) -> int:
        """The highest id that a text, or its start, can have."""
        spelled = max(id_ for id_, piece in enumerate(self.pieces) if piece)
        return max(spelled, self.bos or 0)

    def spell_from(self, rows: int) -> bool:
        """Let no text become an id from ``rows`` on, by spelling these tokens; return whether that is possible.

        CodeLlama's 34B and -Python models have 32,000 embeddings, and some of their tokenizers the 16 tokens more of
        the models that can infill.
        """
        beyond = {id_: self.pieces[id_] for id_ in range(rows, self.vocab_size) if id_ not in self.control}
        texts = {id_: piece.decode(errors="replace") for id_, piece in beyond.items()}
        if len(beyond) > _MOST_SPELLED or (self.bos or 0) >= rows:
            return False
        if any(_is_character(piece) or texts[id_].encode() != piece for id_, piece in beyond.items()):
            return False
        self.control |= beyond.keys()
        self._names |= texts
        self.pieces = Pieces([b"" if id_ in beyond else piece for id_, piece in enumerate(self.pieces)])
        return True

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of ``text``; SentencePiece models add a leading space."""
        return self._safe(self._backend.encode(text, add_special_tokens=False).ids)

    def encode_infilling(self, text: str) -> tuple[int, ...]:
        """Return the ids of ``text`` without the leading space that :meth:`encode` adds.

        Source: ``encode_infilling`` in Meta's ``llama/tokenizer.py``: encode after a sentinel, then drop the sentinel.
        """
        return self._after(SENTINEL, self._sentinel, text) if self._leads else self.encode(text)

    def _encode_line(self, line: str) -> tuple[int, ...]:
        """Return the ids of ``line`` as they are after a newline; results are cached."""
        if not self.newline_separates:
            return self.encode_infilling(line)
        return self._after("\n", self._newline, line)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ``ids`` with all leading spaces; bytes that are not UTF-8 become U+FFFD."""
        return self.pieces.joined(ids).decode("utf-8", "replace")

    def control_id(self, name: str) -> int | None:
        """Return the id of the control token called ``name``, or None."""
        return next((id_ for id_, own in self._names.items() if own == name), None)

    def describe(self, ids: Sequence[int]) -> str:
        """Return the text of ``ids`` including the names of control tokens, for display."""
        runs: list[str] = []
        plain: list[int] = []
        for id_ in ids:
            if id_ in self._names:
                runs += [self.decode(plain), self._names[id_]]
                plain = []
            else:
                plain.append(id_)
        return "".join([*runs, self.decode(plain)])

    def _after(self, lead: str, lead_ids: tuple[int, ...], text: str) -> tuple[int, ...]:
        if not text:
            return ()
        ids = tuple(self._backend.encode(lead + text, add_special_tokens=False).ids)
        if ids[: len(lead_ids)] != lead_ids:  # a merge crossed the boundary
            ids = (*lead_ids, *self._spelled(text))
        return self._safe(ids[len(lead_ids) :])

    def _safe(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Replace control tokens that merges have formed from text, such as ``</s>``, by ids of their characters."""
        if self.control.isdisjoint(ids):
            return tuple(ids)
        safe: list[int] = []
        for id_ in ids:
            safe += self._spelled(self._names[id_].replace("▁", " ")) if id_ in self.control else [id_]
        return tuple(safe)

    def _spelled(self, text: str) -> list[int]:
        """Return one id per character of ``text``, or one per byte for characters without an id."""
        ids: list[int] = []
        for character in text:
            data = character.encode()
            known = self._characters
            ids += [known[data]] if data in known else [known[bytes([byte])] for byte in data]
        return ids

    def _piece_bytes(self, vocab: dict[str, int], added: frozenset[int]) -> Pieces:
        pieces = [b""] * self.vocab_size
        table = byte_level_table() if self._is_byte_level else {}
        for piece, id_ in vocab.items():
            if id_ in self.control:
                continue
            if table and id_ in added:  # its name is its text
                pieces[id_] = piece.encode()
            elif table and all(character in table for character in piece):
                pieces[id_] = bytes(table[character] for character in piece)
            elif len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
                pieces[id_] = bytes([int(piece[3:5], 16)])
            else:
                pieces[id_] = piece.replace("▁", " ").encode()
        # If a byte token and a piece have the same bytes, text is encoded with the piece.
        byte_ids = {vocab[name] for name in (f"<0x{byte:02X}>" for byte in range(256)) if name in vocab}
        order = [*byte_ids, *(id_ for id_ in range(len(pieces)) if id_ not in byte_ids)]
        by_bytes = {pieces[id_]: id_ for id_ in order if pieces[id_]}
        if missing := next((character for character in _CHARACTERS if character not in by_bytes), None):
            raise ModelError(
                f"The vocabulary has no token for `{ascii(missing.decode())[1:-1]}`; choose another model, or fetch it "
                "again."
            )
        self._canonical = bytearray(len(pieces))
        for id_ in by_bytes.values():
            self._canonical[id_] = 1
        return Pieces(pieces)

    @cached_property
    def _characters(self) -> dict[bytes, int]:
        """The ids of all characters and of single bytes; made when first needed, which is seldom."""
        return {piece: id_ for id_, piece in enumerate(self.pieces) if self._canonical[id_] and _is_character(piece)}

    def canonical(self, id_: int) -> bool:
        """Return whether text with the bytes of ``id_`` is encoded as ``id_``, not as another id with them."""
        return bool(self._canonical[id_])

    def _checked_sentinel(self) -> tuple[int, ...]:
        sentinel = tuple(self._backend.encode(SENTINEL, add_special_tokens=False).ids)
        for probe in ("x", " x", "\n", ")", "☺"):
            ids = tuple(self._backend.encode(SENTINEL + probe, add_special_tokens=False).ids)
            if ids[: len(sentinel)] != sentinel or len(ids) == len(sentinel):
                raise ModelError(
                    "This tokenizer joins the infilling sentinel with the text after it; choose another model."
                )
        return sentinel

    def _infilling(self, form: FimFormat, vocab: dict[str, int]) -> InfillingTokens:
        def frame(parts: Sequence[str]) -> tuple[int, ...]:
            ids: list[int] = []
            for part in parts:
                ids += [vocab[part]] if part in vocab and vocab[part] in self.control else self.encode_infilling(part)
            return tuple(ids)

        ends = (*form.marks, *form.ends, form.file, form.file_end)
        return InfillingTokens(
            pre=vocab[form.prefix],
            suf=vocab[form.suffix],
            mid=vocab[form.middle] if form.middle else None,
            eot=vocab[form.ends[0]],
            stops=frozenset(vocab[name] for name in ends if name in vocab),
            file=vocab.get(form.file) if form.file else None,
            file_end=vocab.get(form.file_end) if form.file_end else None,
            opening=frame(form.opening),
            closing=frame(form.closing),
            form=form,
        )


def _edit_format(name: str, form: FimFormat | None) -> EditFormat | None:
    """Return the format of the next-edit model called ``name``, if it has the control tokens of one."""
    found = edit_format_of_names([name])
    return found if found is not None and form is not None and form.family == found.infilling else None


def _is_character(piece: bytes) -> bool:
    """Return whether the bytes are one character, or one byte of it."""
    return len(piece) == 1 or (len(piece) <= 4 and len(piece.decode("utf-8", "ignore")) == 1)
