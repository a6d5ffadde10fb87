"""Whether two runs differ by more than rounding, and which tensor was the first to differ."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.behaviour.envelope import ONE_STEP, allowed, allowed_operator, horizon
from benchmarks.behaviour.files import Recording, Trace, Traced, digest
from rnn_core import EXPERIMENTS, History

Kind = Literal["bitwise equal", "equal within rounding", "different"]


@dataclass(frozen=True)
class BehaviourVerdict:
    """What became of one experiment on both sides.

    Attributes:
        experiment: its name.
        execution: how the recurrent layer was computed.
        verdict: "equal within rounding" is up to the step `until`.
        until: the last step up to which all losses and norms are as near to each other as rounding
            explains; the last of the run where the verdict is "bitwise equal".
        first_step: the first, counted from 1, that differs in any bit of loss, norms, gradients or
            parameters; None where none does.
        largest_difference: of loss or any norm, |a - b| / (1 + the larger), up to `until`, or at
            the step at which that became more than rounding explains; None if it is infinite.
        tensor: the first of that step that is off by more than rounding, or, where none is, that
            differs; None where the step was not looked into.
        operator: that made it.
        text: all this in words, several lines.
    """

    experiment: str
    execution: str
    verdict: Kind
    until: int
    first_step: int | None
    largest_difference: float | None
    tensor: str | None
    operator: str | None
    text: str


@dataclass(frozen=True)
class Judgement:
    """What two recordings alone tell.

    Attributes:
        verdict: as in `BehaviourVerdict`, and so `until`, `first_step` and `difference`.
        left: the step at which the runs were further apart than rounding explains.
        reasons: why they are different, or what else is worth knowing.
        growth: (step, difference, allowed) of some steps.
    """

    verdict: Kind
    until: int
    first_step: int | None
    difference: float
    left: int | None
    reasons: tuple[str, ...]
    growth: tuple[tuple[int, float, float], ...] = ()


class Culprit(NamedTuple):
    """A tensor that differs between the sides, and by how much."""

    tensor: Traced
    differing: int
    largest: float
    relative: float
    beyond: bool

    def __str__(self) -> str:
        found = f"{self.tensor.name}, made by {self.tensor.operator}"
        if math.isnan(self.largest):
            return f"{found}: another dtype or shape"
        if not self.differing:
            return f"{found}: zeros of another sign"
        return (
            f"{found}: {self.differing} of {self.tensor.values.size} numbers differ, by at most "
            f"{self.largest:.1e}, {self.relative:.1e} of their scale"
        )


def judge(experiment: str, baseline: Recording, candidate: Recording) -> Judgement:
    """Compare two recordings of one experiment, step by step."""
    whole = baseline.history.config.epochs == EXPERIMENTS[experiment].config.epochs
    broken = behaviours_broken(experiment, baseline, candidate) if whole else []
    first, steps = first_difference(baseline, candidate), len(baseline.gradients)
    if first is None:
        return Judgement("bitwise equal", steps, None, 0.0, None, tuple(broken))
    apart = differences(series_of(baseline.history), series_of(candidate.history))
    growth = growth_of(experiment, apart, first)
    left, why = left_at(experiment, apart, first)
    lengths = (steps, len(candidate.gradients))
    if left is None and lengths[0] != lengths[1] and len(apart) < horizon(experiment):
        left, why = len(apart), f"the runs end after {lengths[0]} and {lengths[1]} steps"
    if left is not None:
        reasons = (why, *broken)
        return Judgement(
            "different", left - 1, first, float(apart[left - 1]), left, reasons, growth
        )

    last = allowed(experiment, len(apart))
    # All of these lie past the horizon: up to there the runs were inside the envelope, which grows.
    outside = np.flatnonzero(apart > last) + 1
    until = int(outside[0]) - 1 if len(outside) else len(apart)
    difference = float(apart[:until].max())
    verdict: Kind = "different" if broken else "equal within rounding"
    return Judgement(verdict, until, first, difference, None, tuple(broken), growth)


def first_difference(baseline: Recording, candidate: Recording) -> int | None:
    """The first step, counted from 1, that does not have the same bits on both sides."""
    steps = min(len(baseline.gradients), len(candidate.gradients))
    if (baseline.parameters[0] != candidate.parameters[0]).any():
        return 1
    same = (baseline.gradients[:steps] == candidate.gradients[:steps]).all(axis=1)
    same &= (baseline.parameters[1 : steps + 1] == candidate.parameters[1 : steps + 1]).all(axis=1)
    if not same.all():
        return int(same.argmin()) + 1
    return None if len(baseline.gradients) == len(candidate.gradients) else steps


def left_at(experiment: str, apart: NDArray[np.float64], first: int) -> tuple[int | None, str]:
    """The first step that rounding does not explain, and in which way; None if there is none."""
    # An update that differs shows in the next step's loss.
    alone = first if apart[first - 1] or first == len(apart) else first + 1
    if apart[alone - 1] > ONE_STEP[experiment]:
        return alone, (
            f"step {alone}: losses or norms {apart[alone - 1]:.1e} apart, where one step's "
            f"rounding explains {ONE_STEP[experiment]:.1e}"
        )
    for step in range(first, min(len(apart), horizon(experiment)) + 1):
        if apart[step - 1] > allowed(experiment, step):
            return step, (
                f"step {step}: losses or norms {apart[step - 1]:.1e} apart, where rounding "
                f"explains {allowed(experiment, step):.1e}"
            )
    return None, ""


def growth_of(
    experiment: str, apart: NDArray[np.float64], first: int
) -> tuple[tuple[int, float, float], ...]:
    """The difference at some steps, twice as far each time, up to the horizon."""
    end = min(len(apart), horizon(experiment))
    steps = [first + 2**k - 1 for k in range(12) if first + 2**k - 1 < end] + [end] * (first <= end)
    return tuple((step, float(apart[step - 1]), allowed(experiment, step)) for step in steps)


def series_of(history: History) -> NDArray[np.float64]:
    """Loss and all norms, `[quantities, steps]`."""
    return np.stack([history.loss, *history.raw_norms.values(), *history.clipped_norms.values()])


def differences(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The largest |a - b| / (1 + the larger) at each step of both, `[steps]` float64.

    A loss e^2 whose prediction is off by d is off by 2 e d, at most d (1 + e^2). NaN and infinity
    are no distance from themselves, and infinitely far from anything else.
    """
    steps = min(baseline.shape[1], candidate.shape[1])
    a, b = baseline[:, :steps], candidate[:, :steps]
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(a - b) / (1 + np.maximum(np.abs(a), np.abs(b)))
    apart[~(np.isfinite(a) & np.isfinite(b))] = np.inf
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    largest: NDArray[np.float64] = apart.max(axis=0)
    return largest


# What holds however a machine rounds, over 40 to 200 seeds: tests/runs/test_explosion.py and
# tests/runs/test_contrast.py say where from.
def _settles(history: History) -> bool:
    return bool((history.accuracy[-100:] == 1).mean() > 0.5)


def _clipped(history: History) -> bool:
    return all(norms.max() <= 1 + 1e-5 for norms in history.clipped_norms.values())


BEHAVIOURS: dict[str, dict[str, Callable[[History], bool]]] = {
    "exploding-rnn": {
        "loss or a gradient norm explodes": lambda history: history.event("exploded") is not None,
        "the recurrent gradients end as exact zeros": lambda history: (
            not any(history.raw_norms[f"recurrent.{name}"][-4:].any() for name in "WUb")
        ),
        "no NaN or infinity in 20 steps": lambda history: history.event("non-finite") is None,
    },
    "clipped-rnn": {
        "no NaN or infinity": lambda history: history.event("non-finite") is None,
        "no explosion": lambda history: history.event("exploded") is None,
        "no clipped norm over 1": _clipped,
        "4/4 never stays": lambda history: not _settles(history),
    },
    "clipped-lstm": {
        "no NaN or infinity": lambda history: history.event("non-finite") is None,
        "no explosion": lambda history: history.event("exploded") is None,
        "no clipped norm over 1": _clipped,
        "the last epoch beats every constant (loss under 1.25)": lambda history: bool(
            history.loss[-4:].mean() < 1.25
        ),
    },
}


def behaviours_broken(experiment: str, baseline: Recording, candidate: Recording) -> list[str]:
    """Each behaviour that does not hold, and where."""
    lines = []
    for words, holds in BEHAVIOURS[experiment].items():
        held = [holds(side.history) for side in (baseline, candidate)]
        if not all(held):
            where = {
                (False, True): "the baseline",
                (True, False): "the candidate",
                (False, False): "both sides",
            }[held[0], held[1]]
            lines.append(f"broken on {where}: {words}")
    return lines


def find_culprit(baseline: Trace, candidate: Trace, replay: Trace | None) -> Culprit | None:
    """The first tensor that is off by more than rounding; else, the first that differs at all.

    Args:
        baseline: all tensors of a step.
        candidate: those of the other side: a tensor that differs was made of tensors that do not,
            if it is the first.
        replay: what the candidate's operators made of the baseline's tensors, if that was tried:
            here none inherits another's error.
    """
    wrong = compare(baseline, replay) if replay is not None else []
    for culprit in wrong:
        if culprit.beyond:
            return culprit
    different = compare(baseline, candidate)
    return different[0] if different else None


def compare(baseline: Trace, other: Trace) -> list[Culprit]:
    """All tensors that differ, in the order in which they are made."""
    others = {tensor.name: tensor.values for tensor in other.tensors}
    found = []
    for tensor in baseline.tensors:
        a, b = tensor.values, others.get(tensor.name)
        if b is None or a.dtype != b.dtype or a.shape != b.shape:
            found.append(Culprit(tensor, a.size, math.nan, math.nan, beyond=True))
        elif digest([a]) != digest([b]):
            with np.errstate(invalid="ignore", over="ignore"):
                error = np.abs(a.astype(np.float64) - b.astype(np.float64))
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            error = np.where(same, 0, np.nan_to_num(error, nan=np.inf))
            largest = float(error.max())
            relative = largest / tensor.scale if tensor.scale else math.inf if largest else 0.0
            limit = allowed_operator(tensor.operator)
            found.append(Culprit(tensor, int((~same).sum()), largest, relative, relative > limit))
    return found


def describe(history: History) -> str:
    """What happened in a run, in a few words."""
    events = [f"{event.kind} at step {event.step}" for event in history.events]
    if not len(history.accuracy):
        return ", ".join(events) or "no whole epoch"
    per_epoch = int(history.epoch_ends[0])
    return (
        f"{', '.join(events) or 'trained through'}; last of {len(history.accuracy)} epochs: "
        f"loss {history.loss[-per_epoch:].mean():.2g}, accuracy {history.accuracy[-1]:.0%}"
    )
