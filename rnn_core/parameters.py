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

from rnn_core.config import check_type
from rnn_core.data.batch import dtype_name
from rnn_core.runtime import operators as op
from rnn_core.runtime.devices import device_of, use_device
from rnn_core.runtime.messages import shown

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Block:
    """One parameter of the equations, and where it is stored.

    Attributes:
        name: name in the equations, prefixed with the names of the layers.
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

    def of(self, tensor: Tensor) -> Tensor:
        """The parameter's block of a tensor laid out as `stored`: a view, not a copy."""
        if self.count == 1:
            return tensor
        rows = tensor.shape[0] // self.count
        return op.rows(tensor, self.index * rows, (self.index + 1) * rows)

    def read(self, block: Tensor) -> NDArray[Any]:
        """A copy of a block in the equations' shape."""
        values = block.numpy()
        return np.array(values.T if self.transposed else values).reshape(self.shape)

    def write(self, block: Tensor, values: NDArray[Any]) -> None:
        """Set a block to values in the equations' shape."""
        stored = values.T if self.transposed else values
        block.set_value(np.ascontiguousarray(stored).reshape(block.shape))


class PackedLayer(paddle.nn.Layer):
    """A layer that stores several parameters of the equations in one tensor."""

    def blocks(self, prefix: str) -> list[Block]:
        """All parameters in the order of the equations, their names after `prefix`."""
        raise NotImplementedError


class Parameters:
    """Every parameter of a model by its name in the equations, in the model's order.

    Attributes:
        blocks: storage location of every parameter.
        names: name of every parameter.
        tensors: tensors that store the parameters, for which Paddle computes gradients.
    """

    def __init__(self, model: paddle.nn.Layer) -> None:
        """Find the parameters of a model.

        Raises:
            TypeError: `model` is not a layer.
            RuntimeError: Paddle copies slices instead of making views, so that a change of a
                packed weight would be lost.
        """
        check_type("model", model, paddle.nn.Layer)
        packed: dict[int, list[Block]] = {}
        for name, layer in model.named_sublayers(include_self=True):
            if isinstance(layer, PackedLayer):
                for block in layer.blocks(f"{name}." if name else ""):
                    packed.setdefault(id(block.stored), []).append(block)
        self.blocks: list[Block] = []
        self.tensors: list[Tensor] = []
        for name, tensor in model.named_parameters():
            whole = Block(name, tensor, 0, 1, tuple(tensor.shape), transposed=False)
            self.blocks += packed.get(id(tensor), [whole])
            self.tensors.append(tensor)
        self.names = [block.name for block in self.blocks]
        self._packed = next((tensor for tensor in self.tensors if id(tensor) in packed), None)
        self._renew_views()
        for block, weight in zip(self.blocks, self._views, strict=True):
            if block.index == 0 and weight.data_ptr() != block.stored.data_ptr():
                raise RuntimeError(
                    f"{block.name}: this Paddle copies slices instead of making views; "
                    f"set FLAGS_use_stride_kernel=1"
                )

    @property
    def weights(self) -> list[Tensor]:
        """The stored weight of every parameter; weights in one tensor are views of it."""
        # `Layer.to` moves all tensors to other memory, so one of them tells.
        if self._packed is not None and self._place != self._packed.data_ptr():
            self._renew_views()
        return self._views

    def _renew_views(self) -> None:
        with paddle.no_grad():
            self._views = [block.of(block.stored) for block in self.blocks]
        self._place = None if self._packed is None else self._packed.data_ptr()

    def gradients(self) -> list[Tensor]:
        """The gradient of each parameter as it is stored.

        Raises:
            RuntimeError: one has none: `backward` has not run or did not reach it.
        """
        gradients = []
        for block in self.blocks:
            gradient = block.stored.grad
            if gradient is None:
                raise RuntimeError(f"parameter {block.name!r} has no gradient")
            gradients.append(block.of(gradient))
        return gradients

    def arrays(self, blocks: Sequence[Tensor]) -> Arrays:
        """Copies of one block for each parameter, by name in the shapes of the equations."""
        pairs = zip(self.blocks, blocks, strict=True)
        return {block.name: block.read(tensor) for block, tensor in pairs}


def named_weights(model: paddle.nn.Layer) -> Arrays:
    """A copy of every weight by its name, in the shape of the equations."""
    parameters = Parameters(model)
    return parameters.arrays(parameters.weights)


def named_gradients(model: paddle.nn.Layer) -> Arrays:
    """A copy of every gradient by its parameter's name, in the shape of the equations.

    Raises:
        RuntimeError: a parameter has no gradient: `backward` has not run or did not reach it.
    """
    parameters = Parameters(model)
    return parameters.arrays(parameters.gradients())


def set_weights(model: paddle.nn.Layer, weights: Mapping[str, NDArray[Any]]) -> None:
    """Replace all weights of a model by arrays named and shaped as in the equations.

    So weights move from one execution to another, bit for bit:
    `set_weights(kernel, named_weights(textbook))`.

    Raises:
        TypeError, ValueError: as `check_weights`; no weight has changed.
    """
    check_type("weights", weights, Mapping)
    parameters = Parameters(model)
    check_weights(parameters, weights)
    # A value is set on the current device, which must be the model's.
    with use_device(device_of(parameters.tensors[0])):
        for block, weight in zip(parameters.blocks, parameters.weights, strict=True):
            block.write(weight, weights[block.name])


def check_weights(parameters: Parameters, weights: Mapping[str, NDArray[Any]]) -> None:
    """Check that arrays can replace the weights of a model.

    Raises:
        TypeError: a weight is not a NumPy array.
        ValueError: a name is missing or unknown, or a shape or dtype differs.
    """
    if missing := [name for name in parameters.names if name not in weights]:
        raise ValueError(f"weights are missing: {', '.join(missing)}")
    if unknown := [name for name in weights if name not in parameters.names]:
        raise ValueError(f"the model has no weights named {shown(unknown)}")
    for block in parameters.blocks:
        dtype, values = dtype_name(block.stored), weights[block.name]
        check_type(f"weight {block.name!r}", values, np.ndarray)
        if (values.shape, str(values.dtype)) != (block.shape, dtype):
            raise ValueError(
                f"weight {block.name!r} must be {dtype} of shape {list(block.shape)}, "
                f"got {values.dtype} of shape {list(values.shape)}"
            )
