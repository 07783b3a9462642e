"""A tiny checkpoint with random weights, and the name and the control tokens of a next-edit model."""

from __future__ import annotations

import json
from pathlib import Path

from infill_completion.prompt.rewriting.formats import edit_format_called
from tests.engine.tiny import save_tiny
from tests.prompt.tokenizers import tokenizer_document

NAMES = {
    "Sweep": "sweep-next-edit-0.5B", "Sweep-2": "sweep-next-edit-v2-7B", "Zeta-2": "zeta-2", "Zeta-2.1": "zeta-2.1"
}  # fmt: skip


def save_next_edit_model(folder: Path, family: str = "Sweep") -> Path:
    """Write a checkpoint under the name of a family's model into ``folder``, and return its own folder."""
    form = edit_format_called(family)
    assert form is not None
    document = tokenizer_document(form.infilling)
    size = 256 + len(document["added_tokens"])
    end = "<|endoftext|>" if form.infilling == "Qwen2.5-Coder" else "<[end▁of▁sentence]>"
    ids = {str(token["content"]): int(token["id"]) for token in document["added_tokens"]}
    made = save_tiny(
        folder / NAMES[family], vocab_size=size, max_position_embeddings=4096, bos_token_id=None, eos_token_id=ids[end]
    )
    (made / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    (made / "tokenizer_config.json").write_text(json.dumps({"eos_token": end, "add_bos_token": False}), "utf-8")
    return made
