"""Judgements on behaviour: verdicts, culprits and what rounding allows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.behaviour.comparison import Finding, verdict_of
from benchmarks.behaviour.culprits import compare, find_culprit
from benchmarks.behaviour.envelope import ENVELOPES, allowed_operator, measured
from benchmarks.behaviour.files import (
    Job,
    Recording,
    Trace,
    Traced,
)
from benchmarks.behaviour.judge import differences, judge, judge_by
from benchmarks.behaviour.own import limits
from rnn_core import EXPERIMENTS
from tests.helpers.behaviour_runs import healthy, own_run, recording, traced
from tests.recorded.conftest import Tried

NAN, INF = np.nan, np.inf
# Changes that one experiment must not survive: quantity, value, and how many last steps or epochs.
BROKEN: list[tuple[str, str, float, int]] = [
    ("exploding-rnn", "loss", 5.0, 20),
    ("exploding-rnn", "loss", 1e6, 20),
    ("exploding-rnn", "norm", 1.0, 5),
    ("exploding-rnn", "norm", 1e-30, 1),
    ("exploding-rnn", "norm", 0.5, 4),
    ("exploding-rnn", "norm", 0.5, -4),  # In that step alone.
    ("exploding-rnn", "norm", 0.5, -5),
    ("exploding-rnn", "loss", NAN, 1),
    ("clipped-rnn", "loss", 1e9, 8),
    ("clipped-rnn", "accuracy", 1.0, 50),
    ("clipped-rnn", "accuracy", 1.0, 51),
    ("clipped-rnn", "accuracy", 1.0, 500),
    ("clipped-rnn", "clipped", 1.0000099, 7),
    ("clipped-rnn", "clipped", 1.00002, 7),
    ("clipped-rnn", "norm", INF, 3),
    ("clipped-lstm", "loss", 1.24, 4),
    ("clipped-lstm", "loss", 1.25, 4),
    ("clipped-lstm", "loss", 4.6, 1),
    ("clipped-lstm", "loss", 4.9, 1),
    ("clipped-lstm", "loss", INF, 1),
    ("clipped-lstm", "norm", 2e6, 2),
    ("clipped-lstm", "clipped", 1.1, 1),
]


def judged(name: str, experiment: str, pair: tuple[Recording, Recording]) -> str:
    """Return all that is decided about two runs."""
    found = judge(experiment, *pair)
    verdict = verdict_of(Job(experiment, "textbook"), pair, found, Finding())
    size = verdict.largest_difference
    facts = [
        f"until {verdict.until}",
        f"first {verdict.first_step}",
        f"left {found.left}",
        f"trace {found.steps_to_trace}",
        f"largest {size if size is None else f'{size:.4g}'}",
        *["undecided"] * verdict.undecided,
    ]
    return f"{name}\n  = {', '.join(facts)}\n  {verdict.text}"


def histories(count: int) -> Iterator[tuple[str, str, tuple[Recording, Recording]]]:
    """Yield pairs of runs that differ in size, kind and place, with a name and their experiment."""
    random = np.random.default_rng(1)
    for number in range(count):
        experiment = str(random.choice(list(EXPERIMENTS)))
        epochs: Any = [1, 2, 3, 5, None][random.integers(5)]
        values = healthy(experiment, epochs)
        steps, envelope = len(values["loss"]), ENVELOPES[experiment]
        horizon = envelope.horizon
        starts = (1, 2, 3, 4, horizon - 1, horizon, horizon + 1, steps - 1, steps)
        first = min(int(random.choice(starts)), steps)
        allowed = envelope.allowed(first)
        sizes = (0.0, 1e-9, 1e-7, 0.9 * allowed, 3 * allowed, envelope.one_step, 0.3, 1e4, NAN, INF)
        size = float(random.choice(sizes))
        last = steps if random.random() < 0.6 else first
        what = str(random.choice(["loss", "loss", "norm", "both", "weights"]))
        one = recording(experiment, **values)
        changed = {name: array.copy() for name, array in values.items()}
        for name in ("loss", "norm") if what == "both" else (what,):
            if name in changed:
                changed[name][first - 1 : last] *= 1 + size
        name = f"{experiment}, {steps} steps: {what} x(1+{size:.3g}) in {first}..{last}"
        if random.random() < 0.15:
            left = int(min(random.choice([1, 2, horizon, steps - 1, steps]), steps))
            changed = {n: a[: left if n != "accuracy" else None] for n, a in changed.items()}
            name += f", the candidate ends after {left}"
        other = recording(experiment, **changed)
        if what == "weights":
            weights = other.parameters.copy()
            weights[first - 1 : last] ^= 1
            other = replace(other, parameters=weights)
        swapped = random.random() < 0.3
        pair = (other, one) if swapped else (one, other)
        yield f"{number}. {name}{', swapped' * swapped}", experiment, pair


def test_judgements(tried: Tried) -> None:
    """Differences of all sizes, at all places, in losses, norms, weights and lengths."""
    tried.lines += [judged(*case) for case in histories(110)]
    tried.check()


def test_broken_behaviours(tried: Tried) -> None:
    """Each on the candidate, on the baseline and on both sides, and in a run that is cut short."""
    texts = tried.lines
    for experiment, what, value, last in BROKEN:
        values = healthy(experiment)
        good = recording(experiment, **values)
        broken = {name: array.copy() for name, array in values.items()}
        if what in broken:
            broken[what][slice(-last, None) if last > 0 else last] = value
        bad = recording(experiment, **broken)
        if what == "clipped":
            norms = good.history.clipped_norms["linear.bias"].copy()
            norms[-last:] = value
            bad.history.clipped_norms["linear.bias"] = norms
            bad = replace(bad, gradients=bad.gradients ^ np.uint8(1))
        for name, pair in (
            ("candidate", (good, bad)),
            ("baseline", (bad, good)),
            ("both", (bad, bad)),
        ):
            title = f"{experiment}: {what} {value} in the last {last}, {name}"
            texts.append(judged(title, experiment, pair))
    tried.check()


# Pairs of tensors: what differs, the baseline's and the candidate's values.
PAIRS: list[tuple[str, Any, Any]] = [
    ("nothing", [1.0, NAN, INF], [1.0, NAN, INF]),
    ("bits of NaN", [NAN, 1.0], [-NAN, 1.0]),
    ("one of five", [1, 2, 3, 4, 5], [1, 2, 3.5, 4, 5]),
    ("all", [[1, 2], [3, 4]], [[1.25, 2.5], [3.125, 4.25]]),
    ("a last digit", [1, 1], [1, 1 + 2**-10]),
    ("a little", [4, 1], [4 + 2**-8, 1]),
    ("sign of zero", [0.0, 1], [-0.0, 1]),
    ("sign of zero and more", [0.0, 1], [-0.0, 2]),
    ("NaN on one side", [0, NAN], [0, 1]),
    ("NaN on the other", [0, 1, 2], [0, NAN, 2]),
    ("infinities", [INF, 1], [-INF, 1]),
    ("equal infinities", [INF, 1], [INF, 3]),
    ("equal NaN", [NAN, 1], [NAN, 3]),
    ("huge", [6e4, 1], [-6e4, 1]),
    ("a number", 2.0, 2.5),
    ("tiny", [6e-8, 0], [1.2e-7, 0]),
    ("shape", [1, 2], [[1, 2]]),
    ("length", [1, 2], [1, 2, 3]),
    ("empty", [], []),
    ("empty and not", [], [1.0]),
    ("absent", [1, 2, 3], None),
]


def trace_of(*tensors: Traced) -> Trace:
    """Make a trace without digests."""
    return Trace([*tensors], b"", b"", b"")


def test_culprits(tried: Tried) -> None:
    """Tensors that differ in many ways, of all dtypes and scales, with and without a replay."""
    lines = tried.lines
    for what, one, other in PAIRS:
        for dtype, scale, operator in (
            ("float16", 1.0, "tanh"),
            ("float32", 1e3, "gradient of kernel LSTM"),
            ("float64", 0.0, "add"),
            ("float64", 1e-30, "kernel RNN"),
            ("int64", 2.0, "data"),
            ("bool", 1.0, "data"),
        ):
            values = [np.asarray(each or 0, np.float64) for each in (one, other)]
            if dtype in ("int64", "bool") and not all(np.isfinite(v).all() for v in values):
                continue
            before = trace_of(traced(one, dtype, scale, operator))
            after = trace_of(*[] if other is None else [traced(other, dtype, 1.0, "other")])
            found = find_culprit(before, after, None)
            facts = "equal" if found is None else f"{found}; beyond {found.beyond}"
            if any(each.beyond for each in compare(before, after, lambda _: INF)):
                facts += ", whatever the limit is"
            lines.append(f"{what}, {dtype}, scale {scale:g}: {facts}")
    one, other = (trace_of(traced([0, each], "uint8", 2.0, "data")) for each in (1, 2))
    lines.append(f"unsigned: {find_culprit(one, other, None)}")
    one, other = (trace_of(traced([0, sign * 1e308], "float64", 1.0, "add")) for sign in (1, -1))
    lines.append(f"far apart: {find_culprit(one, other, None)}")
    for a, b in (("float32", "float64"), ("int64", "float32"), ("float16", "bool")):
        one, other = (trace_of(traced([0, 1], dtype, 1.0, "cast")) for dtype in (a, b))
        (found,) = compare(one, other)
        lines.append(f"{a} and {b}: {found}; {found.differing} differ; beyond {found.beyond}")
    tried.check()


def test_culprits_among_several(tried: Tried) -> None:
    """Of several tensors, which is named: with or without a replay, a limit, or absent ones."""
    random = np.random.default_rng(2)
    lines = tried.lines

    def made(number: int, absent: bool = True) -> Trace:
        sizes = random.choice([0, 0, 2e-6, 4e-6, 5e-5, 2e-4], 4)
        # Some tensors are absent from some traces.
        there = random.random(4) < (0.85 if absent else 2)
        kinds = ["tanh", "kernel RNN", "add", "sgd"]
        return trace_of(
            *(
                traced([1, 1 + sizes[k] * (number > 0)], "float64", 1.0, kinds[k], "abcd"[k])
                for k in range(4)
                if there[k]
            )
        )

    for number in range(40):
        one, other, replay = made(0, absent=False), made(1), made(2)
        for given, needed, limit in (
            (None, True, allowed_operator),
            (replay, True, allowed_operator),
            (replay, False, lambda _: 3e-5),
            (other, False, lambda _: INF),
        ):
            found = find_culprit(one, other, given, limit, needed=needed)
            lines.append(f"{number}: {found}; beyond {found and found.beyond}")
    tried.check()


def test_envelopes(tried: Tried) -> None:
    """Every limit that is known, and those of made-up measurements."""
    lines = tried.lines
    for name, envelope in ENVELOPES.items():
        lines.append(f"{name}: horizon {envelope.horizon}, one step {envelope.one_step:g}")
        edges = {step + more for step, _ in envelope.growth for more in (-1, 0, 1)} | {10**6}
        lines += [f"  {step}: {envelope.allowed(step):g}" for step in sorted(edges)]
    for apart in (
        [0.0],
        [0.0, 0.0, 0.0],
        [1e-9, 1e-7, 1e-8, 2e-7, 0.049, 0.05, 0.06],
        [1e-7, 0.2, 1e-7],
        [0.05],
        [0.051],
        [INF, 0.0],
        [0.0, 1e-6, 1e-6, 2e-6, INF],
    ):
        found = measured(np.array(apart), 2**-20)
        growth = ", ".join(f"{step}: {limit:.4g}" for step, limit in found.growth)
        allowed = [f"{found.allowed(step):.4g}" for step in range(1, len(apart) + 2)]
        lines.append(f"{apart}: {growth}; horizon {found.horizon}; allowed {', '.join(allowed)}")
    numbers = (0.0, -0.0, 1.0, 1e-300, 3.0, -3.0, 1.5e300, 1e308, -1e308, INF, -INF, NAN)
    for a in numbers:
        apart = [differences(np.array([[a]]), np.array([[b]]))[0] for b in numbers]
        lines.append(f"from {a:g}: {', '.join(f'{each:.4g}' for each in apart)}")
    pair = [recording("clipped-rnn", **healthy("clipped-rnn", epochs)) for epochs in (2, 3)]
    pair.append(replace(pair[0], gradients=pair[0].gradients ^ np.uint8(1)))
    for largest in (0.0, 0.04, 1.0):
        for left, right in ((pair[0], pair[2]), (pair[0], pair[1]), (pair[0], pair[0])):
            judged_by = judge_by(measured(np.full(8, largest), 1e-7), left, right, ["no reason"])
            reasons = "; ".join(judged_by.reasons)
            lines.append(f"{largest}: {judged_by.verdict} until {judged_by.until}: {reasons}")
    loss = np.ones(3000)
    left, right = (own_run({}, loss * (1 + size), ["w"]) for size in (0, 1e-9))
    found_at = [each.step for each in judge_by(measured(loss / 1e4, 1e-7), left, right).growth]
    lines += [f"steps of the growth: {found_at}", "limits of tensors"]
    one = trace_of(*(traced([1.0, 1.0], "float64", 1.0, "", name) for name in "abcde"))
    for number, runs in enumerate(
        (
            [],
            [[1.0, 1.01, 1.1, 1.0, 1.0]],
            [[1.0, 1.01, 1.1, 1.0, 1.0], [1.0, 1.02, 1.0, 1.001, NAN]],
            [[1.0, 1.0, 1.0, 1.0, 1.0]],
            [[1.0, 1.0, 1.25]],
            [[INF] * 5],
        )
    ):
        rounded = [
            trace_of(
                *(
                    traced([1.0, value], "float64", 1.0, "", "abcde"[k])
                    for k, value in enumerate(run)
                )
            )
            for run in runs
        ]
        limit = limits(one, rounded, 1e-7)
        lines.append(f"{number}: {', '.join(f'{limit(each):.4g}' for each in one.tensors)}")
    tried.check()
