"""A Llama-shaped model that learns: frozen weights with an adapter of their groups, norms, and a few embeddings.

It reads the checkpoints that :mod:`infill_completion.engine.checkpoints.packed_weights` reads.  Samples of any length
follow one another in one row without padding, and each attends to itself alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from infill_completion.engine.checkpoints.packed_weights import Source, source_of
from infill_completion.engine.errors import ModelError
from infill_completion.engine.learning.group_linear import GroupLinear
from infill_completion.engine.learning.rms_norm import RmsNorm
from infill_completion.engine.learning.summed_loss import CHUNK_TARGETS, summed_loss
from infill_completion.engine.model.architecture import architecture_of, entries_of
from infill_completion.engine.model.group_adapter import edges_of_groups, edges_of_rows
from infill_completion.engine.model.int4 import GROUP_INPUTS, Groups

environment.prepare()

EMBEDDINGS = "model.embed_tokens.weight"
_HEAD = "lm_head.weight"


class Sample(NamedTuple):
    """A text to learn.

    Attributes:
        ids: Its tokens.
        wanted: Which of them the model should predict from those before; the first never is.
    """

    ids: Sequence[int]
    wanted: Sequence[bool]


class Row(NamedTuple):
    """Samples one after the other.

    Attributes:
        ids: Their tokens, ``(tokens,)``.
        ends: Where each of them ends.
        at: The places before the tokens to predict, ``(count,)``.
        targets: These tokens.
    """

    ids: Tensor
    ends: list[int]
    at: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> Row:
        """Return the row on another device."""
        return Row(self.ids.to(device), self.ends, self.at.to(device), self.targets.to(device))


def row_of(samples: Sequence[Sample]) -> Row:
    """Return samples as one row."""
    ids: list[int] = []
    ends: list[int] = []
    at: list[int] = []
    for sample in samples:
        at += [len(ids) + place - 1 for place, wanted in enumerate(sample.wanted) if wanted and place]
        ids += sample.ids
        ends.append(len(ids))
    tokens = torch.tensor(ids)
    places = torch.tensor(at, dtype=torch.long)
    return Row(tokens, ends, places, tokens[places + 1])


class _Layer(nn.Module):
    """One decoder layer."""

    def __init__(self, source: Source, number: int, eps: float) -> None:
        super().__init__()
        name = f"model.layers.{number}"
        config = source.config
        self._heads, self._kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.input_layernorm = _norm(source, f"{name}.input_layernorm", eps)
        self.post_attention_layernorm = _norm(source, f"{name}.post_attention_layernorm", eps)
        self.self_attn = nn.ModuleDict(
            {part: _linear(source, f"{name}.self_attn.{part}") for part in ("q_proj", "k_proj", "v_proj", "o_proj")}
        )
        self.mlp = nn.ModuleDict(
            {part: _linear(source, f"{name}.mlp.{part}") for part in ("gate_proj", "up_proj", "down_proj")}
        )

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, ends: list[int]) -> Tensor:
        """Return the layer's output for ``x``, ``(tokens, hidden)``."""
        attention, mlp = self.self_attn, self.mlp
        normed = self.input_layernorm(x)
        q, k = (
            _rotate(attention[part](normed).view(len(x), heads, -1), cos, sin)
            for part, heads in (("q_proj", self._heads), ("k_proj", self._kv_heads))
        )
        mixed = _attend(q, k, attention["v_proj"](normed).view(len(x), self._kv_heads, -1), ends)
        x = x + attention["o_proj"](mixed)
        normed = self.post_attention_layernorm(x)
        y: Tensor = x + mlp["down_proj"](F.silu(mlp["gate_proj"](normed)) * mlp["up_proj"](normed))
        return y


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, -1)
    return (x * cos + torch.cat([-right, left], -1) * sin).to(x.dtype)


def _attend(q: Tensor, k: Tensor, v: Tensor, ends: list[int]) -> Tensor:
    """Return causal attention within each sample, ``(tokens, heads * width)``."""
    heads, width = q.shape[1:]
    groups = heads // k.shape[1]
    mixed, start = [], 0
    for end in ends:
        length = end - start
        keys, values = (part[start:end].transpose(0, 1).repeat_interleave(groups, 0) for part in (k, v))
        if q.is_cuda:
            own = _attend_at_once(q[start:end].transpose(0, 1), keys, values)
            mixed.append(own.transpose(0, 1).reshape(length, heads * width))
            start = end
            continue
        scores = (q[start:end].transpose(0, 1) * width**-0.5) @ keys.transpose(1, 2)
        hidden = torch.full((length, length), float("-inf"), dtype=q.dtype).triu(1)
        shares = (scores + hidden).softmax(-1)  # sums in float32, and keeps the shares once for both gradients
        mixed.append((shares @ values).transpose(0, 1).reshape(length, heads * width))
        start = end
    return torch.cat(mixed)


def _attend_at_once(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return causal attention, ``(heads, tokens, width)``, in one kernel each way, which keeps no scores.

    Such kernels take four dimensions only; with three, torch falls back to one operator after the other.
    """
    return F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]


class Student(nn.Module):
    """The whole model.

    Args:
        source: The checkpoint.
        learned_ids: Tokens whose embeddings are learned, such as infilling marks that the model has never seen.

    Attributes:
        saves_memory: Whether gradients compute again what layers would otherwise keep for them.
        between_layers: Called several times a second, forward and backward.

    Raises:
        ModelError: The model is not a plain Llama.
    """

    def __init__(self, source: Source, learned_ids: Sequence[int] = ()) -> None:
        super().__init__()
        config = source.config
        architecture = architecture_of(entries_of(config))
        if config.model_type != "llama" or not architecture.is_plain or config.hidden_size % GROUP_INPUTS:
            raise ModelError("Only Llama's architecture can learn here; choose another model or turn engine.learn off.")
        self._is_tied = _HEAD not in source.tensors
        self._embed: Tensor
        self._head: Tensor
        self.learned_ids: Tensor
        self.register_buffer("_embed", source.tensors[EMBEDDINGS].read(torch.bfloat16), persistent=False)
        if not self._is_tied:
            self.register_buffer("_head", source.tensors[_HEAD].read(torch.bfloat16), persistent=False)
        self.register_buffer("learned_ids", torch.tensor(list(learned_ids), dtype=torch.long), persistent=False)
        self.rows = nn.Parameter(torch.zeros(len(learned_ids), config.hidden_size))
        self.layers = nn.ModuleList(_Layer(source, n, architecture.eps) for n in range(config.num_hidden_layers))
        self.norm = _norm(source, "model.norm", architecture.eps)
        self._rotary = source.rotary
        self._inner, self._attended = config.intermediate_size, config.num_attention_heads
        self.saves_memory = False
        self.between_layers: Callable[[], None] = lambda: None

    @classmethod
    def load(cls, path: Path, learned_ids: Sequence[int] = (), *, taught: bool = True) -> Student:
        """Load a checkpoint or a GGUF file, with what the package teaches to it unless ``taught`` is False.

        Raises:
            ModelError: The file is damaged, or the model is not supported.
        """
        return cls(source_of(path, taught=taught), learned_ids)

    def row_bytes(self, tokens: int, longest: int) -> int:
        """Return about how many bytes a row keeps for its gradient if nothing is computed again.

        Args:
            tokens: Of the row.
            longest: Tokens of its longest sample.
        """
        vocabulary, hidden = self._embed.shape
        layer: int = 10 * self._inner + 20 * hidden + 2 * self._attended * longest
        return tokens * layer * len(self.layers) + CHUNK_TARGETS * 12 * vocabulary

    def loss(self, row: Row) -> Tensor:
        """Return the sum of the cross-entropies of the targets in nats."""
        return summed_loss(self.norm(self._stack(row)[row.at]), self.rows, row.targets, self._logits)

    def losses(self, row: Row) -> Tensor:
        """Return the cross-entropy of each target in nats, ``(count,)``."""
        return self.scores(row)[0]

    def scores(self, row: Row) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy of each target, and whether it is the likeliest token, ``(count,)`` each."""
        logits = self._targets(row)
        return F.cross_entropy(logits, row.targets, reduction="none"), logits.argmax(-1) == row.targets

    def _targets(self, row: Row) -> Tensor:
        """Return the logits of the targets, ``(count, vocabulary)``."""
        return self._logits(self.norm(self._stack(row)[row.at]), self.rows).float()

    def _stack(self, row: Row) -> Tensor:
        """Return the last layer's output, ``(tokens, hidden)``."""
        starts = [0, *row.ends[:-1]]
        device = row.ids.device
        lengths = [end - start for start, end in zip(starts, row.ends, strict=True)]
        positions = torch.cat([torch.arange(length, device=device) for length in lengths])
        cos, sin = (table[0].unsqueeze(1) for table in self._rotary(self.rows.detach(), positions[None]))
        x = self._embedded(row.ids)
        for layer in self.layers:
            self.between_layers()
            if x.requires_grad:
                x.register_hook(lambda _: self.between_layers())  # type: ignore[no-untyped-call]
            if self.saves_memory and torch.is_grad_enabled():
                x = checkpoint(layer, x, cos, sin, row.ends, use_reentrant=False)
            else:
                x = layer(x, cos, sin, row.ends)
        return x

    def _embedded(self, ids: Tensor) -> Tensor:
        x = F.embedding(ids, self._embed)
        if len(self.learned_ids):
            is_learned = ids[:, None] == self.learned_ids
            x = (x.float() + is_learned.float() @ self.rows).bfloat16()
        return x

    def _logits(self, x: Tensor, rows: Tensor) -> Tensor:
        logits = x @ (self._embed if self._is_tied else self._head).T
        if len(self.learned_ids) and self._is_tied:
            logits = logits.index_add(1, self.learned_ids, (x.float() @ rows.T).to(logits.dtype))
        return logits

    def linears(self) -> Mapping[str, GroupLinear]:
        """Return the matrices of the layers by the names of their weights in a checkpoint."""
        return {f"model.{name}.weight": part for name, part in self.named_modules() if isinstance(part, GroupLinear)}

    def norms(self) -> Mapping[str, nn.Parameter]:
        """Return the learned gains of the norms by the names of their weights in a checkpoint."""
        return {f"model.{name}.weight": part.gain for name, part in self.named_modules() if isinstance(part, RmsNorm)}


def _norm(source: Source, name: str, eps: float) -> RmsNorm:
    return RmsNorm(source.tensors[f"{name}.weight"].read(torch.float32), eps)


def _linear(source: Source, name: str) -> GroupLinear:
    tensor: Any = source.tensors[f"{name}.weight"]
    if f"{name}.bias" in source.tensors or tensor.shape[1] % GROUP_INPUTS:
        raise ModelError("This model's matrices cannot learn here; choose another model or turn engine.learn off.")
    if not tensor.has_groups:
        weight = tensor.read(torch.float32)
        return GroupLinear(weight, *edges_of_rows(weight))
    parts = list(tensor.groups())
    whole = Groups(*(torch.cat(each) for each in zip(*parts, strict=True)))
    return GroupLinear(whole.values().view(tensor.shape), *edges_of_groups(whole))
