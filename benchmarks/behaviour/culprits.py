"""Which tensor of a traced step was the first to differ, and which operator computed it."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.behaviour.envelope import allowed_operator
from benchmarks.behaviour.files import Trace, Traced, digest

Limit = Callable[[Traced], float]


class Culprit(NamedTuple):
    """A tensor that differs between two traces.

    Attributes:
        tensor: the baseline's tensor.
        differing: number of elements that differ.
        largest: largest absolute difference; NaN if dtype or shape differ, or the tensor is absent.
        relative: the largest difference, relative to the scale of the tensor; infinite if dtype or
            shape differ, NaN if the candidate does not have the tensor.
        beyond: whether rounding does not explain the difference.
    """

    tensor: Traced
    differing: int
    largest: float
    relative: float
    beyond: bool

    def __str__(self) -> str:
        found = f"{self.tensor.name}, computed by {self.tensor.operator}"
        if math.isnan(self.relative):
            return f"{found}: only the baseline has it"
        if math.isnan(self.largest):
            return f"{found}: different dtype or shape"
        if not self.differing:
            return f"{found}: zeros of different sign"
        return (
            f"{found}: {self.differing} of {self.tensor.values.size} elements differ, by at most "
            f"{self.largest:.1e}, {self.relative:.1e} of their scale"
        )


def find_culprit(
    baseline: Trace,
    candidate: Trace,
    replay: Trace | None,
    limit: Limit = allowed_operator,
    *,
    needed: bool = True,
) -> Culprit | None:
    """Return the first tensor that rounding does not explain, or else the first that differs.

    Args:
        baseline: all tensors of a step.
        candidate: the same tensors on the other side, where errors propagate from one tensor to
            the next.
        replay: results of the candidate's operators on the baseline's tensors, where errors do not
            propagate; None if the step was not replayed.
        limit: largest difference of a tensor that rounding explains, relative to its scale.
        needed: as for `compare`.
    """
    if replay is not None:
        for culprit in compare(baseline, replay, limit, needed=needed):
            if culprit.beyond:
                return culprit
    different = compare(baseline, candidate, limit, needed=needed)
    return different[0] if different else None


def compare(
    baseline: Trace, other: Trace, limit: Limit = allowed_operator, *, needed: bool = True
) -> list[Culprit]:
    """Return all tensors that differ, in the order of computation.

    Args:
        baseline: all tensors of a step.
        other: the tensors to compare them with.
        limit: as for `find_culprit`.
        needed: whether `other` must have every tensor. If not, rounding explains one that is
            absent, which comes last: releases call the hooks of different layers.
    """
    others = {tensor.name: tensor.values for tensor in other.tensors}
    found: list[Culprit] = []
    absent: list[Culprit] = []
    for tensor in baseline.tensors:
        a, b = tensor.values, others.get(tensor.name)
        if b is None:
            lost = found if needed else absent
            lost.append(Culprit(tensor, a.size, math.nan, math.nan, beyond=needed))
        elif a.dtype != b.dtype or a.shape != b.shape:
            beyond = math.inf > limit(tensor)
            found.append(Culprit(tensor, a.size, math.nan, math.inf, beyond))
        elif digest([a]) != digest([b]):
            with np.errstate(invalid="ignore", over="ignore"):
                error = np.abs(a.astype(np.float64) - b.astype(np.float64))
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            error = np.where(same, 0, np.nan_to_num(error, nan=np.inf))
            largest = float(error.max())
            relative = largest / tensor.scale if tensor.scale else math.inf if largest else 0.0
            beyond = relative > limit(tensor)
            found.append(Culprit(tensor, int((~same).sum()), largest, relative, beyond))
    return found + absent
