"""What a run of rnn_core prints, draws and refuses: step lines, summaries, events, plots, files."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from rnn_core import Event, History, TrainConfig
from rnn_core.commands.plot import check_plot_path, draw
from rnn_core.commands.text import (
    epoch_line,
    evaluation_line,
    event_text,
    step_lines,
    summary_lines,
)
from rnn_core.evaluation import Evaluation
from rnn_core.history import EXPLOSION_LIMIT, check_size
from rnn_core.recorder import Step
from tests.helpers.histories import ENVIRONMENT, check_equal, empty_history, make_history
from tests.helpers.recorded import outcome
from tests.helpers.shown import lines_of_figure
from tests.recorded.conftest import Check

INF, NAN = np.inf, np.nan
RNN = [f"recurrent.{name}" for name in "WUb"]
LSTM = [f"recurrent.{kind}_{gate}" for kind in "wub" for gate in "ifoa"]
REST = ["embedding.weight", "linear.weight", "linear.bias"]


def random_history(number: int) -> History:
    """Return a run of up to 240 steps with zeros, NaN, infinity and values at the limit."""
    random = np.random.default_rng(number)
    steps = [0, 1, 3, 4, 5, 12, 99, 100, 101, 240][number % 10]
    record = [1, 1, 2, 5, 0][number // 10 % 5]
    size = steps // record if record else 0
    odd = [0.0, NAN, INF, EXPLOSION_LIMIT, np.nextafter(EXPLOSION_LIMIT, INF), 1e300, 1e-320]

    def series() -> Any:
        values = np.exp(random.normal(0, 3, size))
        places = random.random(size) < 0.5 / (1 + size)
        values[places] = random.choice(odd, places.sum())
        return values

    names = [*RNN, *REST] if number % 3 else [*LSTM, *REST]
    names = names if number % 7 else ["W"]
    per_epoch = 4 if number % 4 else 6
    epochs = steps // per_epoch
    choices: Any = (["textbook", "static", "kernel", "sot"], ["by-norm", "by-global-norm"])
    config = TrainConfig(
        cell="LSTM" if number % 3 == 0 else "RNN",
        execution=choices[0][number % 5 % 4],
        epochs=max(1, epochs + 1),
        record=record,
        clip_norm=[None, 1.0, 2.5][number % 3],
        clip=choices[1][number % 2 if number % 3 else 0],
        learning_rate=[0.05, 0.123456789, 10.0][number % 3],
        seed=number,
    )
    return make_history(
        config=config,
        environment={**ENVIRONMENT, "device_name": ["cpu", "A GPU\x1b[31m"][number % 2]},
        outcome=["finished", "non-finite", "interrupted"][number % 3],
        steps=steps,
        recorded=record * np.arange(1, size + 1),
        loss=series(),
        raw_norms={name: series() for name in names},
        clipped_norms={name: series() for name in names},
        accuracy=random.random(epochs),
        epoch_ends=per_epoch * np.arange(1, epochs + 1),
    )


def test_summaries(check: Check) -> None:
    """Of random runs, with their events; lines of steps, epochs, events and held-out samples."""
    lines = []
    for number in range(50):
        history = random_history(number)
        lines += [f"{number}: {line!r}" for line in summary_lines(history)]
        for kind in ("exploded", "vanished", "non-finite"):
            event = history.event(kind)
            lines += [] if event is None else [f"  {event.kind} {event.what} {event.value:.5g}"]
        lines.append(f"  {' '.join(f'{event.kind} {event.step}' for event in history.events)}")
        check_equal(random_history(number), history)
    odd = {"recurrent.W": np.full(4, NAN), "linear.bias": np.zeros(4)}
    escaped = {name: f"{value}\x1b" for name, value in ENVIRONMENT.items()}
    infinite = np.array([INF, 3.0, 2.0, 1.0])
    lines += summary_lines(make_history(environment=escaped, loss=infinite, raw_norms=odd))
    for names in (RNN, LSTM, REST, [*RNN, *REST], ["recurrent.W", "recurrent.w_i", "recurrent.b"]):
        norms = {name: 10.0 ** (3 * place - 8) for place, name in enumerate(names)}
        for loss in (0.0, 0.123456, 1e10, NAN):
            clipped = dict.fromkeys(norms, 1.0)
            step = Step(8, 2, 3, loss, norms, clipped, 3, 4, last=True)
            lines += step_lines(step)
    bad = {"recurrent.W": NAN, "recurrent.U": INF, "recurrent.b": 1.0}
    lines += step_lines(Step(8, 2, 3, 1.0, bad, bad, 3, 4, last=True))
    lines += [
        epoch_line(Step(8, 2, 3, 1.0, {}, {}, correct, total, last=True))
        for correct, total in ((0, 4), (3, 4), (4, 4), (1, 3), (2, 3000000))
    ]
    whats = (("loss",), ("W",), ("loss", "W"), ("W", "loss"), ("W", "U"), ("loss", *LSTM, *REST))
    lines += [
        event_text(Event(kind, 6, what, value))  # type: ignore[arg-type]
        for kind, what, value in product(
            ("exploded", "vanished", "non-finite"), whats, (0.0, 3411677.25, INF)
        )
    ]
    lines += [
        evaluation_line(Evaluation(samples, *values))
        for samples, values in ((1, (0.25, 16.5123456, 0.4)), (10**6, (1234567.0, 1e-9, 0.995)))
    ]

    check(lines)


def test_events(check: Check) -> None:
    """Of each series at each size, alone and together."""
    ones = np.ones(4)
    values = (0.0, 1.0, EXPLOSION_LIMIT, 2e6, INF, NAN)
    lines = []
    for series in ("loss", "raw", "clipped", "both"):
        for first, second in product(values, values):
            odd = np.array([1.0, first, second, 1.0])
            history = make_history(
                loss=odd if series in ("loss", "both") else ones,
                raw_norms={"U": ones, "W": odd if series in ("raw", "both") else ones},
                clipped_norms={"U": ones, "W": odd if series == "clipped" else ones},
            )
            events = [f"{e.kind} {e.step} {'+'.join(e.what)} {e.value:g}" for e in history.events]
            lines.append(f"{series} {first:g} {second:g}: {', '.join(events) or 'none'}")
    gaps = make_history(
        config=TrainConfig(record=10),
        steps=49,
        recorded=10 * np.arange(1, 5),
        loss=np.array([1, 1, 2e6, INF]),
        raw_norms={"W": np.array([1.0, 0, 0, 1])},
        clipped_norms={"W": ones},
    )
    lines += [f"every tenth step: {event}" for event in gaps.events]
    lost = make_history(loss=np.array([1.0, NAN]), raw_norms={"W": np.array([1.0, 0.0])})
    lines += [f"zero at NaN: {event}" for event in replace(lost, clipped_norms={}).events]
    one = {**ENVIRONMENT, "threads": "1", "flags": ""}
    for environment in (
        {},
        {"threads": "2", "flags": "A=1"},
        {"paddle": "3.0", "cpu": "B", "new": "x"},
    ):
        rest = make_history(environment={**ENVIRONMENT, **environment})
        joined = make_history(steps=9, environment=one).followed_by(rest)
        lines.append(f"{environment}: {joined.environment}, {joined.loss}, {[*joined.raw_norms]}")

    check(lines)


def test_plots(tmp_path: Path, check: Check) -> None:
    """Of runs of every length, with every number of parameters, and the files that are refused."""
    lines: list[str] = []
    norms = {
        name: np.array([1.0, 2.0, 0.0, 10.0 + place]) for place, name in enumerate(LSTM + REST)
    }
    exploding = {"recurrent.W": np.array([1.0, 2.0, 0.0, NAN]), "b": np.array([3.0, 4.0, 5.0, INF])}
    eight = dict(list(norms.items())[:8])
    many = {f"recurrent.{place}": np.ones(4) for place in range(9)}
    bad_loss = np.array([1.0, 2e6, 3e6, NAN])
    runs = {
        "two": make_history(config=TrainConfig(clip_norm=2.5, learning_rate=1.0, seed=7)),
        "LSTM": make_history(
            config=TrainConfig(cell="LSTM", clip_norm=0.5), raw_norms=norms, clipped_norms={}
        ),
        "eight": make_history(raw_norms=eight, clipped_norms={}),
        "nine": make_history(raw_norms=many, clipped_norms={}),
        "exploding": make_history(loss=bad_loss, raw_norms=exploding, clipped_norms={}),
        "late": make_history(
            config=TrainConfig(record=1_234_567),
            steps=2_469_134,
            recorded=np.array([1_234_567, 2_469_134]),
            loss=np.array([1e7, NAN]),
            raw_norms={"W": np.array([1.0, 0.0])},
            clipped_norms={},
            accuracy=np.ones(1),
            epoch_ends=np.array([2_469_134]),
        ),
        "unrecorded": empty_history(config=TrainConfig(record=0), outcome="finished", steps=20),
        "interrupted": empty_history(),
    }
    for record, steps, ends in (
        (1, 100, range(4, 101, 4)),
        (3, 13, (4, 8, 12)),
        (1, 101, (100,)),
        (1, 102, range(1, 103)),
        (3, 403, (100, 200, 300)),
        (10, 1010, (4, 8, 12)),
        (1, 303, range(3, 304, 3)),
    ):
        recorded = np.arange(record, steps + 1, record)
        runs[f"{steps} steps, every {record}"] = make_history(
            config=TrainConfig(record=record, clip="by-global-norm", clip_norm=1.0),
            steps=steps,
            recorded=recorded,
            # The loss decreases, so the first value of a point is the largest.
            loss=steps + record - recorded / 1.0,
            raw_norms={"W": np.where(recorded % 7, recorded, np.where(recorded == 63, INF, NAN))},
            clipped_norms={},
            accuracy=np.linspace(0, 1, len(ends)),
            epoch_ends=np.array(ends, dtype=np.int64),
        )
    for name, run in runs.items():
        lines += [f"# {name}", *lines_of_figure(draw(run)), ""]
    for suffix in (".svg", ".PNG", ".pdf", ".jpg", "", ".svg.gz"):
        refused = outcome(check_plot_path, tmp_path / f"run{suffix}", accepted="accepted")
        lines.append(f"run{suffix}: {refused}")

    check(lines)


UNRECORDED = np.array('{"record": 0}')
EMPTY = {
    name: array
    for name, array in empty_history().arrays().items()
    if name.startswith("rec") or name == "loss" or "norms/" in name
}
FOURS = {"loss": np.ones(4), "raw_norms/linear.bias": np.ones(4)}


def texts(**arrays: Any) -> Iterator[dict[str, Any]]:
    """Yield arrays that hold JSON, one for each value."""
    for name, values in arrays.items():
        yield from ({name: np.array(json.dumps(value))} for value in values)


def test_refused_histories(tmp_path: Path, check: Check) -> None:
    """Files with one array missing, changed or of another kind, and histories of every size."""
    path = tmp_path / "history.npz"
    whole = make_history().arrays()
    negative = np.array([1.0, -1.0, 1.0, 1.0])
    changes: list[dict[str, Any]] = [
        {},
        *({name: None} for name in whole),
        *({name: np.zeros(3)} for name in whole),
        *({name: np.array(["a"] * 4)} for name in whole),
        *({name: np.zeros(4, np.complex128)} for name in FOURS),
        *({name: negative} for name in [*FOURS, "clipped_norms/recurrent.W", "accuracy"]),
        {"format": np.array("rnn_core history 99")},
        {"outcome": np.array("fine")},
        *({"epoch_ends": np.array(ends)} for ends in ([2, 5], [0, 4], [4, 2], [1, 2], [2, 4, 6])),
        {"epoch_ends": np.array([1, 2]), "config": np.array('{"epochs": 9}')},
        {"epoch_ends": np.array([2]), "accuracy": np.ones(1), "config": np.array('{"epochs": 1}')},
        {"epoch_ends": np.array([2.0, 4.0])},
        {"epoch_ends": np.array([4]), "accuracy": np.ones(1), "config": np.array('{"epochs": 1}')},
        {"recorded": np.array([[1, 2, 3, 4]])},
        {"recorded": np.array([1, 2, 2, 4])},
        {
            "recorded": np.array([2, 4, 6, 9]),
            "config": np.array('{"record": 2}'),
            "steps": np.array(9),
        },
        *({"steps": np.array(steps)} for steps in (3, 2**40, -1, 4.0)),
        *({"steps": np.array(steps), "config": UNRECORDED} for steps in (-1, 4)),
        {**EMPTY, "config": UNRECORDED},
        {"config": np.array('{"epochs": 1}')},
        {"accuracy": np.array([0.5, 1.25])},
        {"accuracy": np.array([0.5, NAN])},
        {"accuracy": np.array(1.0)},
        *texts(
            parameters=[
                [],
                {},
                ["a", 1],
                ["a", "a"],
                ["a", ""],
                ["\x1b[31m"],
                ["a" * 10**4],
                ["a"],
            ],
            environment=[
                None,
                [],
                {"paddle": "3"},
                {**ENVIRONMENT, "threads": 1},
                {**ENVIRONMENT, "x": ""},
            ],
            config=[{"cell": "GRU"}, {"colour": 1}, {"seed": "a" * 10**4}, {"epochs": 2}],
        ),
        *texts(parameters=[[f"w{k}" for k in range(count)] for count in (301,)]),
    ]
    lines = []
    for change in changes:
        arrays = {name: array for name, array in {**whole, **change}.items() if array is not None}
        np.savez(path, **arrays)
        names = ", ".join(
            f"{name} {'missing' if array is None else str(np.asarray(array).tolist())[:40]}"
            for name, array in change.items()
        )
        error = outcome(History.load, path, accepted="accepted")
        lines.append(f"{names or 'nothing'}: {error}")
    sizes: list[tuple[Any, int, int]] = [
        (names, steps, record)
        for names in (["W"], LSTM)
        for steps in (-1, 0, 10, 2**25, 2**26, 2**30)
        for record in (0, 1, 3)
    ]
    sizes += [
        (names, 1, 1)
        for names in ([], ("W",), [1], ["W", "W"], ["größe/重み"], ["w" * 200], ["w" * 201])
    ]
    sizes += [
        ([f"w{k}" for k in range(count)], steps, 1)
        for count in (300, 301)
        for steps in (1, 222_952, 222_953)
    ]
    for names, steps, record in sizes:
        shown = f"{str(names)[:20]} ({len(names)}), {steps} steps, record={record}"
        lines.append(f"{shown}: {outcome(check_size, names, steps, record, accepted='accepted')}")

    check(lines, {tmp_path: ""})
