"""Events of a history, and its file."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from rnn_core import Event, History, TrainConfig
from rnn_core.history import EXPLOSION_LIMIT, check_size
from tests.helpers.histories import ENVIRONMENT, check_equal, empty_history, make_history

INF, NAN = np.inf, np.nan
FOUR = r"must be float64 of shape \[4\]"
EPOCHS = ": epoch_ends must divide the 4 steps into equal epochs$"
NAMES = "parameters must be a list of at most 300 names, got"
UNRECORDED = np.array('{"record": 0}')
# Neither losses nor norms.
NOTHING = {
    name: a for name, a in empty_history().arrays().items() if re.match("rec|loss|.*norms/", name)
}
TEXTS = ": the environment must hold texts, among them cpu, device, device_name, paddle, python$"
LIMIT = r": steps must lie in \[0, 22369621\] for"


def with_values(**values: list[float]) -> History:
    """A history with these losses, and norms of W before and after clipping."""
    one = [1.0] * 4
    return make_history(
        loss=np.array(values.get("loss", one)),
        raw_norms={"W": np.array(values.get("raw", one)), "U": np.array(values.get("U", one))},
        clipped_norms={"W": np.array(values.get("clipped", one)), "U": np.array(one)},
    )


@pytest.mark.parametrize(
    ("values", "events"),
    [
        ({"loss": [4, 3, 2, 1]}, ()),
        ({"loss": [1, 1, EXPLOSION_LIMIT, 1]}, ()),
        ({"loss": [1, 2e6, 3e6, 1]}, (Event("exploded", 2, ("loss",), 2e6),)),
        ({"raw": [1, 1, 2e6, 3e6]}, (Event("exploded", 3, ("W",), 2e6),)),
        ({"loss": [1, 1, 1, 2e6], "U": [1, 2e6, 1, 1]}, (Event("exploded", 2, ("U",), 2e6),)),
        ({"raw": [1, 0, 0, 0]}, (Event("vanished", 2, ("W",), 0.0),)),
        ({"raw": [1, 1, 1, 0], "U": [1, 1, 1, 0]}, (Event("vanished", 4, ("W", "U"), 0.0),)),
        # Zero gradients of a perfect fit do not count as vanished.
        ({"loss": [1, 1, 0, 0], "raw": [1, 1, 0, 0], "U": [1, 1, 0, 0]}, ()),
        # Infinity does not count as an explosion.
        ({"loss": [1, INF, NAN, NAN]}, (Event("non-finite", 2, ("loss",), INF),)),
        ({"raw": [-INF, 1, 1, 1]}, (Event("non-finite", 1, ("W",), -INF),)),
        # Clipping can turn a finite gradient into NaN.
        ({"clipped": [1, 1, NAN, 1]}, (Event("non-finite", 3, ("W",), 1.0),)),
        # The first event comes first.
        (
            {"loss": [1, 1, 2e6, INF], "raw": [1, 0, 0, 1]},
            (
                Event("vanished", 2, ("W",), 0.0),
                Event("exploded", 3, ("loss",), 2e6),
                Event("non-finite", 4, ("loss",), INF),
            ),
        ),
    ],
)
def test_events_are_the_first(values: dict[str, list[float]], events: tuple[Event, ...]) -> None:
    """It names every quantity concerned and the step, even if not every step is recorded."""
    history = with_values(**values)

    assert history.events == events
    assert history.event("exploded") == next((e for e in events if e.kind == "exploded"), None)
    gaps = replace(history, steps=41, recorded=10 * history.recorded)
    assert gaps.events == tuple(replace(event, step=10 * event.step) for event in events)


@pytest.mark.parametrize(
    "saved",
    [
        make_history(
            outcome="non-finite",
            loss=np.array([0.0, 1e-320, INF, NAN]),
            accuracy=np.array([0.0]),
            epoch_ends=np.array([2]),
        ),
        make_history(
            config=TrainConfig(cell="LSTM", epochs=2, clip_norm=0.1, record=3),
            steps=14,
            recorded=np.array([3, 6, 9, 12]),
            epoch_ends=np.array([7, 14]),
        ),
        empty_history(),
    ],
    ids=["non-finite", "every third step", "empty"],
)
def test_load_returns_what_was_saved(saved: History, tmp_path: Path) -> None:
    """Every field is the same, bit for bit; NumPy alone can read the arrays too."""
    path = tmp_path / "history.npz"
    saved.save(path)

    check_equal(saved, History.load(path))
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["recorded"].tolist() == saved.recorded.tolist()
        assert arrays["steps"] == saved.steps
        for name, norms in saved.raw_norms.items():
            assert arrays[f"raw_norms/{name}"].tolist() == norms.tolist()
            assert arrays[f"clipped_norms/{name}"].tolist() == saved.clipped_norms[name].tolist()


def test_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk neither damages nor replaces it."""
    path = tmp_path / "history.npz"
    make_history().save(path)
    before = path.read_bytes()

    def full(file: IO[bytes], **_: object) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)

    with pytest.raises(OSError, match="No space left"):
        make_history().save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": np.array("rnn_core history 99")}, ".*format tag is missing or different"),
        ({"config": np.array('{"cell": "GRU"}')}, ".*cell must be one of"),
        ({"config": np.array('{".*colour": 1}')}, ".*colour"),
        ({"outcome": np.array("fine")}, ": outcome must be one of 'finished', .* got 'fine'"),
        ({"loss": np.zeros(3)}, rf": loss {FOUR}, got float64 of shape \[3\]$"),
        ({"raw_norms/recurrent.W": np.zeros(3)}, rf": raw_norms/recurrent.W {FOUR}, got "),
        ({"clipped_norms/recurrent.W": np.zeros(3)}, rf": clipped_norms/recurrent.W {FOUR}, got "),
        ({"accuracy": np.zeros(1)}, ": 1 accuracies, but 2 ends of epochs$"),
        ({"epoch_ends": np.array([2, 5])}, EPOCHS),
        ({"epoch_ends": np.array([0, 4])}, EPOCHS),
        ({"epoch_ends": np.array([4, 2])}, EPOCHS),
        ({"epoch_ends": np.array([1, 2])}, EPOCHS),
        ({"epoch_ends": np.array([1, 2]), "config": np.array('{"epochs": 9}')}, EPOCHS),
        ({"epoch_ends": np.array([2.0, 4.0])}, ": epoch_ends must be int64"),
        ({"recorded": np.array([[1, 2, 3, 4]])}, r": recorded .* got int64 of shape \[1, 4\]$"),
        ({"recorded": np.array([1, 2, 2, 4])}, ": recorded must hold every 1-th step$"),
        ({"steps": np.array(3)}, r": recorded must be int64 of shape \[3\], got "),
        ({"steps": np.array(-1), "config": UNRECORDED}, f"{LIMIT} record=0, got -1$"),
        ({"steps": np.array(2**40)}, f"{LIMIT} record=1, got 1099511627776$"),
        ({"config": UNRECORDED}, r": recorded must be int64 of shape \[0\]"),
        ({**NOTHING, "config": UNRECORDED}, ": accuracy must be .* .0 or less., got"),
        ({"config": np.array('{"epochs": 1}')}, ": accuracy must be .* .1 or less., got"),
        ({"accuracy": np.array([0.5, 1.25])}, r": accuracy must lie in \[0, 1\]$"),
        ({"accuracy": np.array([0.5, np.nan])}, r": accuracy must lie in \[0, 1\]$"),
        ({"loss": np.array([1.0, -1.0, 1.0, 1.0])}, ": loss must not be negative$"),
        ({"raw_norms/linear.bias": np.full(4, -1.0)}, ": linear.bias must not be negative$"),
        ({"clipped_norms/linear.bias": np.full(4, -1.0)}, ": linear.bias must not be negative$"),
        ({"steps": None}, ".*steps"),
        ({"loss": np.zeros(4, dtype=np.complex128)}, rf": loss {FOUR}, got complex128"),
        ({"raw_norms/linear.bias": np.zeros(4, int)}, rf".*bias {FOUR}, got int64 of "),
        ({"accuracy": np.array(1.0)}, r": accuracy must be .* got float64 of shape \[\]$"),
        ({"clipped_norms/linear.bias": np.array(["a"] * 4)}, rf".*bias {FOUR}, got <U1 of shape"),
        ({"parameters": np.array("[]")}, rf": {NAMES} \[\]$"),
        ({"parameters": np.array("{}")}, rf": {NAMES} {{}}$"),
        ({"parameters": np.array('["a", 1]')}, rf": {NAMES} \['a', 1\]$"),
        ({"parameters": np.array(json.dumps([f"w{k}" for k in range(301)]))}, f": {NAMES}"),
        ({"parameters": np.array('["a", "a"]')}, rf": {NAMES} \['a', 'a'\]$"),
        ({"parameters": np.array('["a", ""]')}, rf": {NAMES} \['a', ''\]$"),
        ({"parameters": np.array('["\\u001b[31m"]')}, rf": {NAMES} .'.x1b.31m'.$"),
        ({"parameters": np.array(json.dumps(["a" * 10**6]))}, rf": {NAMES} \['a+\.\.\.a+'\]$"),
        ({"environment": np.array("null")}, TEXTS),
        ({"environment": np.array("[]")}, TEXTS),
        ({"environment": np.array('{"paddle": "3"}')}, TEXTS),
        ({"environment": np.array(json.dumps({**ENVIRONMENT, "threads": 1}))}, TEXTS),
        ({"config": np.array('{"seed": "' + "a" * 10**6 + '"}')}, ".{0,400}$"),
        ({"config": np.array('{"learning_rate": 1' + "0" * 400 + "}")}, ".*learning_rate"),
    ],
)
def test_load_rejects_wrong_arrays(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    """The error says which."""
    path = tmp_path / "history.npz"
    make_history().save(path)
    with np.load(path) as stored:
        arrays = {**stored, **changes}

    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})

    words = rf"{path.name} is not a valid 'rnn_core history 2' file{match}"
    with pytest.raises(ValueError, match=words):
        History.load(path)


def test_check_size_accepts_the_largest_history() -> None:
    """It has 300 parameters with long and short names, and as many records as fit."""
    names = [*("w" * (k + 1) for k in range(200)), *(f"u{k}" for k in range(100))]
    most = 2**30 // (8 * 602)

    check_size(names, 2 * most + 1, record=2)
    with pytest.raises(ValueError, match=f"^steps must lie in .* got {2 * most + 2}$"):
        check_size(names, 2 * most + 2, record=2)
