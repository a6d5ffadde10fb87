"""Whether two recorded runs of an experiment differ by more than rounding."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.behaviour.envelope import COMPARABLE, ENVELOPES, MARGIN, Envelope
from benchmarks.behaviour.files import OwnRun, Recording
from rnn_core import EXPERIMENTS, History

Kind = Literal["bitwise equal", "equal within rounding", "different"]
INCOMPARABLE = (
    "not even step 1 can be compared: rounding alone changes its loss or norms by more than "
    f"{COMPARABLE / MARGIN:g}"
)


@dataclass(frozen=True)
class BehaviourVerdict:
    """Verdict on one experiment or workload, as it ran on both sides.

    Attributes:
        experiment: name of the experiment or workload.
        execution: implementation of the recurrent layer; "eager" or "static" for a workload.
        verdict: the verdict; "equal within rounding" holds up to the step `until`.
        until: last step up to which rounding explains the differences of all losses and norms; the
            last step of the run if the verdict is "bitwise equal".
        first_step: first step, counted from 1, that differs in any bit of loss, norms, gradients or
            parameters; None if no step does.
        largest_difference: largest |a - b| / (1 + max(|a|, |b|)) of losses and norms up to `until`,
            or at the step where it exceeded what rounding explains; None if it is infinite.
        tensor: first tensor that rounding does not explain, or else the first that differs; None if
            no step was traced.
        operator: operator that computed this tensor.
        text: the verdict and its reasons, in several lines.
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

    @property
    def undecided(self) -> bool:
        """Whether the runs differ, but rounding alone would make step 1 differ as much."""
        return self.verdict != "different" and self.until == 0


class Growth(NamedTuple):
    """Difference between the runs at a step, and the largest that rounding explains there."""

    step: int
    difference: float
    allowed: float


@dataclass(frozen=True)
class Judgement:
    """Verdict on two recordings, without traced steps.

    Attributes:
        verdict: as in `BehaviourVerdict`.
        until: as in `BehaviourVerdict`.
        first_step: as in `BehaviourVerdict`.
        difference: as `largest_difference` in `BehaviourVerdict`, but infinite instead of None.
        left: first step that rounding does not explain; None if there is none.
        reasons: reasons why the runs are different, or cannot be compared.
        growth: differences at some steps.
    """

    verdict: Kind
    until: int
    first_step: int | None
    difference: float
    left: int | None
    reasons: tuple[str, ...]
    growth: tuple[Growth, ...] = ()

    @property
    def steps_to_trace(self) -> list[int]:
        """Return the first step that differs, and the first that rounding does not explain."""
        return sorted({step for step in (self.first_step, self.left) if step is not None})


def judge(experiment: str, baseline: Recording, candidate: Recording) -> Judgement:
    """Compare two recordings of one experiment, step by step."""
    complete = baseline.history.config.epochs == EXPERIMENTS[experiment].config.epochs
    broken = broken_behaviours(experiment, baseline, candidate) if complete else []
    return judge_by(ENVELOPES[experiment], baseline, candidate, broken)


def judge_by(
    envelope: Envelope, baseline: Recording, candidate: Recording, broken: Sequence[str] = ()
) -> Judgement:
    """Compare two recordings, step by step, where rounding explains what the envelope allows.

    Args:
        envelope: limits of rounding.
        baseline: recording of the baseline.
        candidate: recording of the candidate.
        broken: behaviours that do not hold although no rounding affects them.
    """
    first, steps = first_difference(baseline, candidate), len(baseline.gradients)
    if first is None:
        return Judgement("bitwise equal", steps, None, 0.0, None, tuple(broken))
    apart = differences(series_of(baseline.history), series_of(candidate.history))
    growth = growth_of(envelope, apart, first)
    left, reason = left_at(envelope, apart, first)
    lengths = (steps, len(candidate.gradients))
    if left is None and lengths[0] != lengths[1] and len(apart) < envelope.horizon:
        left, reason = len(apart), f"the runs end after {lengths[0]} and {lengths[1]} steps"
    if left is not None:
        reasons = (reason, *broken)
        return Judgement(
            "different", left - 1, first, float(apart[left - 1]), left, reasons, growth
        )

    # Steps up to the horizon are within limits that only grow, so these steps come after it.
    outside = np.flatnonzero(apart > envelope.allowed(len(apart))) + 1
    until = int(outside[0]) - 1 if len(outside) else len(apart)
    if not envelope.horizon:
        until = 0  # Even if the first steps are equal.
    difference = float(apart[:until].max(initial=0))
    verdict: Kind = "different" if broken else "equal within rounding"
    reasons = (*([] if envelope.horizon else [INCOMPARABLE]), *broken)
    return Judgement(verdict, until, first, difference, None, reasons, growth)


def first_difference(baseline: Recording, candidate: Recording) -> int | None:
    """Return the first step, counted from 1, whose bits differ; None if there is none."""
    steps = min(len(baseline.gradients), len(candidate.gradients))
    if (baseline.parameters[0] != candidate.parameters[0]).any():
        return 1
    same = (baseline.gradients[:steps] == candidate.gradients[:steps]).all(axis=1)
    same &= (baseline.parameters[1 : steps + 1] == candidate.parameters[1 : steps + 1]).all(axis=1)
    if not same.all():
        return int(same.argmin()) + 1
    return None if len(baseline.gradients) == len(candidate.gradients) else steps


def left_at(envelope: Envelope, apart: NDArray[np.float64], first: int) -> tuple[int | None, str]:
    """Return the first step that rounding does not explain, and the reason; None if there is none.

    Args:
        envelope: limits of rounding.
        apart: differences of the runs, `[steps]`.
        first: first step that differs in any bit.
    """
    # A different update shows only in the loss of the next step.
    alone = first if apart[first - 1] or first == len(apart) else first + 1
    within = range(first, min(len(apart), envelope.horizon) + 1)
    limits = [(alone, " in one step", envelope.one_step)]
    limits += [(step, "", envelope.allowed(step)) for step in within]
    for step, where, limit in limits:
        if apart[step - 1] > limit:
            return step, (
                f"step {step}: losses or norms differ by {apart[step - 1]:.1e}, rounding{where} "
                f"explains {limit:.1e}"
            )
    return None, ""


def growth_of(envelope: Envelope, apart: NDArray[np.float64], first: int) -> tuple[Growth, ...]:
    """Return the differences 0, 1, 3, 7, ... steps after the first, and at the horizon."""
    end = min(len(apart), envelope.horizon)
    steps = [first + 2**k - 1 for k in range(12) if first + 2**k - 1 < end] + [end] * (first <= end)
    return tuple(Growth(step, float(apart[step - 1]), envelope.allowed(step)) for step in steps)


def series_of(history: History | OwnRun) -> NDArray[np.float64]:
    """Return the loss and all norms of a run, `[quantities, steps]`."""
    return np.stack([history.loss, *history.raw_norms.values(), *history.clipped_norms.values()])


def differences(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the largest |a - b| / (1 + max(|a|, |b|)) at each step of both, `[steps]`.

    The 1 is for small losses: if the prediction of a loss e^2 changes by d, the loss changes by
    2 e d, which is at most d (1 + e^2). NaN and infinity differ by 0 from themselves, and by
    infinity from all other values.
    """
    steps = min(baseline.shape[1], candidate.shape[1])
    a, b = baseline[:, :steps], candidate[:, :steps]
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(a - b) / (1 + np.maximum(np.abs(a), np.abs(b)))
    apart[~(np.isfinite(a) & np.isfinite(b))] = np.inf
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    largest: NDArray[np.float64] = apart.max(axis=0)
    return largest


BOUNDED: dict[str, Callable[[History], bool]] = {
    "no NaN or infinity": lambda history: history.event("non-finite") is None,
    "no explosion": lambda history: history.event("exploded") is None,
    "no clipped norm above 1": lambda history: all(
        norms.max() <= 1 + 1e-5 for norms in history.clipped_norms.values()
    ),
}

# Behaviours that do not depend on rounding, checked with 40 to 200 seeds: see
# tests/runs/test_explosion.py and tests/runs/test_contrast.py.
BEHAVIOURS: dict[str, dict[str, Callable[[History], bool]]] = {
    "exploding-rnn": {
        "loss or a gradient norm explodes": lambda history: history.event("exploded") is not None,
        "the recurrent gradients end as exact zeros": lambda history: (
            not any(history.raw_norms[f"recurrent.{name}"][-4:].any() for name in "WUb")
        ),
        "no NaN or infinity in 20 steps": BOUNDED["no NaN or infinity"],
    },
    "clipped-rnn": {
        **BOUNDED,
        "4 of 4 correct in at most half of the last 100 epochs": lambda history: bool(
            (history.accuracy[-100:] == 1).mean() <= 0.5
        ),
    },
    "clipped-lstm": {
        **BOUNDED,
        "loss of the last epoch below 1.25, that of the best constant": lambda history: bool(
            history.loss[-4:].mean() < 1.25
        ),
    },
}


def broken_behaviours(experiment: str, baseline: Recording, candidate: Recording) -> list[str]:
    """Return the behaviours that do not hold, and the sides on which they do not."""
    lines = []
    for words, holds in BEHAVIOURS[experiment].items():
        held = [holds(side.history) for side in (baseline, candidate)]
        if not all(held):
            where = "the candidate" if held[0] else "the baseline" if held[1] else "both sides"
            lines.append(f"does not hold on {where}: {words}")
    return lines
