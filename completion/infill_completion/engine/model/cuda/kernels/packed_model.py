"""A model whose 4-bit layers are packed for the kernels, in the memory that bitsandbytes' layers had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.cuda.kernels.nf4 import NF4Matrix
from infill_completion.engine.model.cuda.kernels.packed_linear import PackedLinear, PackedProducts
from infill_completion.engine.model.cuda.kernels.packing import pack, unpack
from infill_completion.engine.model.cuda.kernels.step_weights import LINEAR, StepWeights, linear_layers
from infill_completion.engine.model.decoder import Decoder


class PackedModel:
    """Packs the weights of a transformers model and its decoder, and can undo it.

    Both compute with the packed weights afterwards.  No weight is ever held twice: bitsandbytes' layers, whose memory
    has been reordered, leave the model.  They live on here, so drop this object once it is certain to stay.

    Args:
        model: The transformers model.
        decoder: Its decoder.
        weights: Their weights, in bitsandbytes' order.
        launcher: The device.
        processors: Number of its streaming multiprocessors.
    """

    def __init__(self, model: Any, decoder: Decoder, weights: StepWeights, launcher: Launcher, processors: int) -> None:
        self._model, self._decoder, self._weights = model, decoder, weights
        self._modules = [linear_layers(layer) for layer in model.model.layers]
        self._layers = list(decoder.layers)
        self._packed: list[NF4Matrix] = []
        largest = max(_count(matrices) for layer in weights.layers for matrices in layer.products)
        self._products = PackedProducts(launcher, weights.codebooks, processors, largest, decoder.embed)

    @torch.inference_mode()
    def pack(self) -> None:
        """Pack all matrices and replace the layers.

        Raises:
            RuntimeError: There is no memory for a copy of one matrix; those before it stay packed until `unpack`.
        """
        for layer in self._weights.layers:
            for matrix in layer.matrices:
                pack(matrix)
                self._packed.append(matrix)
        for index, (layer, modules) in enumerate(zip(self._weights.layers, self._modules, strict=True)):
            for (block, name), matrix, module in zip(LINEAR, layer.matrices, modules, strict=True):
                made = PackedLinear(self._products, matrix, module.bias)
                setattr(getattr(self._model.model.layers[index], block), name, made.eval())
            qkv, out, gate_up, down = layer.products
            self._decoder.layers[index] = replace(
                self._layers[index],
                qkv=self._projection(qkv, None if all(module.bias is None for module in modules[:3]) else layer.bias),
                out=self._projection(out, None),
                gate_up=self._projection(gate_up, None),
                down=self._projection(down, None),
            )

    @torch.inference_mode()
    def unpack(self) -> None:
        """Give bitsandbytes' layers their weights back, and the model its layers."""
        for matrix in self._packed:
            unpack(matrix)
        self._packed.clear()
        for layer, modules in zip(self._model.model.layers, self._modules, strict=True):
            for (block, name), module in zip(LINEAR, modules, strict=True):
                setattr(getattr(layer, block), name, module)
        self._decoder.layers[:] = self._layers

    def _projection(self, matrices: Sequence[NF4Matrix], bias: Tensor | None) -> partial[Tensor]:
        return partial(self._products.product, matrices, bias)


def _count(matrices: Sequence[NF4Matrix]) -> int:
    return sum(matrix.outputs * matrix.inputs for matrix in matrices)
