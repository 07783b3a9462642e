"""Train the embedded model with one process per core (or GPU); a run can be resumed.

Each process has one thread (or one GPU) and its own rows; gradients are averaged once per step.  On a CPU two such
processes are faster than one process with two threads, because no product waits for the slower core.  Matrices are
trained with Muon (Jordan et al. 2024), embeddings and norms with AdamW.  The rate is constant, then falls to zero over
the last part of the token budget (warm-up, stable, decay), so a run can be extended while it is in the stable part.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from training.corpus import read
from training.fim import RowMaker
from training.model import Llama, LlamaShape

WARM_UP_STEPS = 100


class Optimizer:
    """Muon for the matrices of the layers, AdamW for the rest, one rate schedule for both."""

    def __init__(self, model: Llama, muon_rate: float, adam_rate: float) -> None:
        matrices = [p for p in model.layers.parameters() if p.ndim == 2]
        tables = [model.embed, model.head]
        vectors = [p for p in model.parameters() if p.ndim == 1]
        self.parts: list[tuple[torch.optim.Optimizer, float]] = [
            (torch.optim.Muon(matrices, lr=muon_rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"), muon_rate),
            (torch.optim.AdamW(tables, lr=adam_rate, betas=(0.9, 0.97), weight_decay=0.01, fused=True), adam_rate),
            (torch.optim.AdamW(vectors, lr=adam_rate, betas=(0.9, 0.97), weight_decay=0.0, fused=True), adam_rate),
        ]

    def step(self, factor: float) -> None:
        """Step with the base rates times ``factor`` and clear the gradients."""
        for part, rate in self.parts:
            for group in part.param_groups:
                group["lr"] = rate * factor
            part.step()
            part.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, object]]:
        """Return the state for :meth:`load`."""
        return [part.state_dict() for part, _ in self.parts]

    def load(self, states: list[dict[str, object]]) -> None:
        """Restore what :meth:`state` returned."""
        for (part, _), state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def rate_factor(step: int, tokens: int, budget: int, decay: float) -> float:
    """Return the factor on the full rate after ``tokens`` of ``budget``; ``decay`` is the share of the falling part."""
    return min(1.0, (step + 1) / WARM_UP_STEPS, max(0.0, (budget - tokens) / (decay * budget)))


def _average(model: Llama, world: int) -> None:
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world
    norm = flat.norm()
    flat *= min(1.0, 1.0 / float(norm + 1e-6))
    offset = 0
    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()


def _save(run: Path, model: Llama, optimizer: Optimizer, step: int, tokens: int) -> None:
    partial = run / "state.pt.partial"
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state(), "step": step, "tokens": tokens}, partial)
    partial.replace(run / "state.pt")
    save_file(model.checkpoint(), run / "model.safetensors.partial")
    (run / "model.safetensors.partial").replace(run / "model.safetensors")
    (run / "config.json").write_text(json.dumps(model.shape.config(), indent=1))


def _rows(maker: RowMaker, count: int, seed: str, device: torch.device) -> tuple[Tensor, Tensor]:
    rows = torch.tensor(maker.rows(count, seed), device=device)
    return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


def work(rank: int, world: int, options: argparse.Namespace) -> None:
    """Run one process of the training."""
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", rank) if cuda else torch.device("cpu")
    if not cuda:
        torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(options.port)}
    dist.init_process_group("nccl" if cuda else "gloo", rank=rank, world_size=world)
    torch.manual_seed(options.seed)
    tokenizer = Tokenizer.from_file(str(options.run / "tokenizer.json"))
    shape = LlamaShape(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=options.hidden, num_hidden_layers=options.layers,
        intermediate_size=options.intermediate, num_attention_heads=options.hidden // 64,
    )  # fmt: skip
    model = Llama(shape, options.length).to(device)
    optimizer = Optimizer(model, options.muon_rate, options.adam_rate)
    maker = RowMaker(read(options.run / "train.jsonl"), tokenizer, options.length)
    checks = [_rows(RowMaker(read(options.run / "held_out.jsonl"), tokenizer, options.length), 8, f"check{rank}-{i}",
                    device) for i in range(4)]  # fmt: skip
    step = tokens = 0
    if (options.run / "state.pt").exists():
        state = torch.load(options.run / "state.pt", weights_only=True, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load(state["optimizer"])
        step, tokens = state["step"], state["tokens"]
    elif options.start is not None:
        model.load_checkpoint(load_file(options.start / "model.safetensors"))
        tokens = json.loads((options.start / "infill.json").read_text())["trained_tokens"]
    compiled = torch.compile(model)
    started, first, loss_sum, loss_count = time.monotonic(), tokens, 0.0, 0
    while tokens < options.tokens:
        ids, targets = _rows(maker, options.batch, f"{options.seed}-{step}-{rank}", device)
        loss = compiled(ids, targets)
        loss.backward()
        _average(model, world)
        optimizer.step(rate_factor(step, tokens, options.tokens, options.decay))
        step, tokens = step + 1, tokens + world * ids.numel()
        loss_sum, loss_count = loss_sum + float(loss.detach()), loss_count + 1
        if step % options.report == 0 or tokens >= options.tokens:
            with torch.no_grad():
                check = torch.stack([compiled(*rows) for rows in checks]).mean()
            figures = torch.tensor([loss_sum / loss_count, float(check)])
            dist.all_reduce(figures)
            if rank == 0:
                train_loss, check_loss = (figures / world).tolist()
                speed = (tokens - first) / (time.monotonic() - started)
                line = {"step": step, "tokens": tokens, "train_loss": round(train_loss, 4),
                        "held_out_loss": round(check_loss, 4), "tokens_per_s": round(speed),
                        "length": options.length}  # fmt: skip
                with (options.run / "loss.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                _save(options.run, model, optimizer, step, tokens)
            loss_sum, loss_count = 0.0, 0
    dist.destroy_process_group()


def main() -> None:
    """Train until the token budget is used up; run again to continue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--start", type=Path, help="start from the exported checkpoint in this folder")
    parser.add_argument("--tokens", type=int, default=36_000_000)
    parser.add_argument("--decay", type=float, default=0.35)
    parser.add_argument("--processes", type=int, default=torch.cuda.device_count() or os.cpu_count() or 1)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--hidden", type=int, default=320)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--intermediate", type=int, default=864)
    parser.add_argument("--muon-rate", type=float, default=4e-3)
    parser.add_argument("--adam-rate", type=float, default=4e-3)
    parser.add_argument("--report", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=29_511)
    options = parser.parse_args()
    spawn(work, args=(options.processes, options), nprocs=options.processes)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
