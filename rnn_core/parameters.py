"""The named parameters of the equations, whatever layout an execution stores them in.

An execution may store several parameters in one tensor, in the layout that its operators want. The
names and shapes of the equations (`recurrent.w_i`, `[E, H]`) stay what users see: weights,
gradients, norms, histories and checkpoints are read and written by them, through this module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from rnn_core.runtime import operators as op

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Block:
    """One parameter of the equations, and where it is stored.

    Attributes:
        name: name in the equations, with the names of the layers before it.
        stored: tensor that holds it.
        index: position among the equal blocks into which the first axis of `stored` is divided.
        count: number of these blocks; 1 if the parameter fills the tensor.
        shape: shape in the equations.
        transposed: whether a stored matrix is the transpose of the one in the equations.
    """

    name: str
    stored: Tensor
    index: int
    count: int
    shape: tuple[int, ...]
    transposed: bool

    def read(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """The parameter's part of an array laid out as `stored`: a copy in the equations' shape."""
        block = np.split(tensor, self.count)[self.index]
        return np.array(block.T if self.transposed else block).reshape(self.shape)

    def write(self, tensor: NDArray[Any], values: NDArray[Any]) -> None:
        """Put values in the equations' shape into the parameter's part of an array."""
        block = np.split(tensor, self.count)[self.index]
        block[...] = (values.T if self.transposed else values).reshape(block.shape)


class PackedLayer(paddle.nn.Layer):
    """A layer that stores several parameters of the equations in one tensor."""

    def blocks(self, prefix: str) -> list[Block]:
        """All parameters in the order of the equations, their names after `prefix`."""
        raise NotImplementedError


def blocks_of(model: paddle.nn.Layer) -> list[Block]:
    """Every parameter of a model by its name in the equations, in the model's order."""
    packed: dict[int, list[Block]] = {}
    for name, layer in model.named_sublayers(include_self=True):
        if isinstance(layer, PackedLayer):
            for block in layer.blocks(f"{name}." if name else ""):
                packed.setdefault(id(block.stored), []).append(block)
    blocks: list[Block] = []
    for name, parameter in model.named_parameters():
        whole = Block(name, parameter, 0, 1, tuple(parameter.shape), transposed=False)
        blocks += packed.get(id(parameter), [whole])
    return blocks


class Layout:
    """How a model's tensors divide into the parameters of the equations.

    Attributes:
        blocks: all parameters, in the model's order.
        names: their names, in this order.
        tensors: tensors that store them.
        packed: names of the parameters in each of these tensors, in the order of their blocks.
        block_names: all of these names in one list.
    """

    def __init__(self, model: paddle.nn.Layer) -> None:
        self.blocks = blocks_of(model)
        self.names = [block.name for block in self.blocks]
        self.tensors = list({id(block.stored): block.stored for block in self.blocks}.values())
        by_place = sorted(self.blocks, key=lambda block: block.index)
        self.packed = [
            [block.name for block in by_place if block.stored is tensor] for tensor in self.tensors
        ]
        self.block_names = [name for names in self.packed for name in names]

    def split(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """One tensor for each of `block_names`, from tensors laid out as `tensors`."""
        blocks: list[Tensor] = []
        for tensor, names in zip(tensors, self.packed, strict=True):
            blocks += op.split(tensor, len(names), 0) if len(names) > 1 else [tensor]
        return blocks

    def join(self, blocks: Sequence[Tensor]) -> list[Tensor]:
        """The tensors that `split` took apart."""
        tensors, first = [], 0
        for names in self.packed:
            together = list(blocks[first : first + len(names)])
            tensors.append(op.concat(together, 0) if len(names) > 1 else together[0])
            first += len(names)
        return tensors

    def arrays(self, tensors: Sequence[Tensor]) -> Arrays:
        """Copies by name in the shapes of the equations, from tensors laid out as `tensors`."""
        arrays = {
            id(stored): tensor.numpy() for stored, tensor in zip(self.tensors, tensors, strict=True)
        }
        return {block.name: block.read(arrays[id(block.stored)]) for block in self.blocks}

    def named(self, numbers: Sequence[float]) -> dict[str, float]:
        """Numbers by name in the model's order, from one for each of `block_names`."""
        by_name = dict(zip(self.block_names, numbers, strict=True))
        return {name: by_name[name] for name in self.names}

    def gradients(self) -> list[Tensor]:
        """The gradient of each of `tensors`.

        Raises:
            RuntimeError: one has none: `backward` has not run or did not reach it.
        """
        gradients = []
        for names, tensor in zip(self.packed, self.tensors, strict=True):
            gradient = tensor.grad
            if gradient is None:
                raise RuntimeError(f"parameter {', '.join(names)!r} has no gradient")
            gradients.append(gradient)
        return gradients


def named_weights(model: paddle.nn.Layer) -> Arrays:
    """A copy of every weight by its name, in the shape of the equations."""
    layout = Layout(model)
    return layout.arrays(layout.tensors)


def named_gradients(model: paddle.nn.Layer) -> Arrays:
    """A copy of every gradient by its parameter's name, in the shape of the equations.

    Raises:
        RuntimeError: a parameter has no gradient: `backward` has not run or did not reach it.
    """
    layout = Layout(model)
    return layout.arrays(layout.gradients())


def set_weights(model: paddle.nn.Layer, weights: Mapping[str, NDArray[Any]]) -> None:
    """Replace all weights of a model by arrays named and shaped as in the equations.

    So weights move from one execution to another, bit for bit:
    `set_weights(kernel, named_weights(textbook))`.

    Raises:
        ValueError: a name is missing or unknown, or a shape or dtype differs; no weight changed.
    """
    layout = Layout(model)
    check_weights(layout.blocks, weights)
    arrays = {id(tensor): np.array(tensor.numpy()) for tensor in layout.tensors}
    for block in layout.blocks:
        block.write(arrays[id(block.stored)], weights[block.name])
    for tensor in layout.tensors:
        tensor.set_value(arrays[id(tensor)])


def check_weights(blocks: list[Block], weights: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError unless the arrays have the names, shapes and dtypes of these parameters."""
    names = [block.name for block in blocks]
    if missing := [name for name in names if name not in weights]:
        raise ValueError(f"weights are missing: {', '.join(missing)}")
    if unknown := [name for name in weights if name not in names]:
        raise ValueError(f"the model has no weights named {', '.join(unknown)}")
    for block in blocks:
        dtype = block.stored.numpy().dtype
        values = weights[block.name]
        if (values.shape, values.dtype) != (block.shape, dtype):
            raise ValueError(
                f"weight {block.name!r} must be {dtype} of shape {list(block.shape)}, "
                f"got {values.dtype} of shape {list(values.shape)}"
            )
