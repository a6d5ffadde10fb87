"""Stacked recurrent layers in NumPy, in one direction or both."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tests.reference.network import Array, Arrays, Cell, unroll, unroll_back, zero_state

Direction = int
FORWARD, REVERSE = 0, 1


class Part(NamedTuple):
    """One layer in one direction: its parameters and its initial state."""

    parameters: Arrays
    start: Arrays


class StackResult(NamedTuple):
    """Outputs of a stack, and the gradients of a loss with respect to all its inputs.

    Attributes:
        outputs: hidden states of the last layer, `[B, T, H]`, or `[B, T, 2 H]` in both directions.
        finals: last state of each part; the reverse direction ends at the first time step.
        d_parts: for each part, the gradients of its parameters and of its initial state.
        d_x: gradient of the sequence.
    """

    outputs: Array
    finals: list[Arrays]
    d_parts: list[Part]
    d_x: Array


def stack_pass(
    cell: Cell,
    layers: Sequence[dict[Direction, Part]],
    x: Array,
    d_outputs: Array,
    d_finals: Sequence[Arrays],
) -> StackResult:
    """Run a stack forward and backward.

    Args:
        cell: the cell of all layers.
        layers: for each layer, from the first to the last, its parts by direction.
        x: the sequence `[B, T, E]`.
        d_outputs: derivative of the loss with respect to the outputs.
        d_finals: the same for the last states, layer by layer and direction by direction.
    """
    inputs, runs = [x], []
    for parts in layers:
        states = {
            direction: unroll(cell, part.parameters, in_order(inputs[-1], direction), part.start)
            for direction, part in parts.items()
        }
        runs.append(states)
        hidden = {
            direction: in_order(np.stack([s["hidden"] for s in run[1:]], axis=1), direction)
            for direction, run in states.items()
        }
        # The directions side by side, time step by time step.
        inputs.append(np.concatenate(list(hidden.values()), axis=2))

    d_parts: list[Part] = []
    waiting, d_sequence = list(d_finals), d_outputs
    for parts, states, sequence in reversed(list(zip(layers, runs, inputs[:-1], strict=True))):
        shares = np.split(d_sequence, len(parts), axis=2)
        d_final = [waiting.pop() for _ in parts][::-1]
        d_sequence = np.zeros_like(sequence)
        d_layer = []
        for direction, share, last in zip(parts, shares, d_final, strict=True):
            d_hidden = in_order(share, direction)
            d_states = [zero_state(cell, *d_hidden[:, 0].shape) for _ in range(x.shape[1])]
            for t, d_state in enumerate(d_states):
                d_state["hidden"] += d_hidden[:, t]
            for name in cell.state_names:
                d_states[-1][name] += last[name]
            back = unroll_back(
                cell,
                parts[direction].parameters,
                in_order(sequence, direction),
                states[direction],
                d_states,
            )
            d_layer.append(Part(back.parameters, back.state))
            d_sequence += in_order(back.x, direction)
        d_parts = d_layer + d_parts
    finals = [run[-1] for states in runs for run in states.values()]
    return StackResult(inputs[-1], finals, d_parts, d_sequence)


def padded_pass(
    cell: Cell,
    layers: Sequence[dict[Direction, Part]],
    x: Array,
    d_outputs: Array,
    d_finals: Sequence[Arrays],
    lengths: Sequence[int],
) -> StackResult:
    """`stack_pass` of sequences that end after `lengths` steps, each alone.

    Outputs after the end of a sequence are zero, and its last states are those at its end.
    """

    def padded(values: Array) -> Array:
        return np.pad(values, [(0, 0), (0, x.shape[1] - values.shape[1]), (0, 0)])

    results = []
    for b, length in enumerate(lengths):
        row, end = slice(b, b + 1), slice(length)
        own = [
            {
                direction: Part(part.parameters, {n: v[row] for n, v in part.start.items()})
                for direction, part in parts.items()
            }
            for parts in layers
        ]
        d_own = [{name: values[row] for name, values in d.items()} for d in d_finals]
        results.append(stack_pass(cell, own, x[row, end], d_outputs[row, end], d_own))

    def joined(rows: Sequence[Arrays]) -> Arrays:
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    def added(rows: Sequence[Arrays]) -> Arrays:
        return {name: np.sum([row[name] for row in rows], axis=0) for name in rows[0]}

    return StackResult(
        outputs=np.concatenate([padded(result.outputs) for result in results]),
        finals=[joined(rows) for rows in zip(*(result.finals for result in results), strict=True)],
        d_parts=[
            Part(added([part.parameters for part in rows]), joined([part.start for part in rows]))
            for rows in zip(*(result.d_parts for result in results), strict=True)
        ],
        d_x=np.concatenate([padded(result.d_x) for result in results]),
    )


def in_order(sequence: Array, direction: Direction) -> Array:
    """A sequence `[B, T, ...]` in the order in which a direction reads it; its own inverse."""
    return sequence[:, ::-1] if direction == REVERSE else sequence
