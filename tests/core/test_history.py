"""Events of a history, and its file."""

from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from rnn_core import Event, History, TrainConfig
from rnn_core.history import EXPLOSION_LIMIT
from tests.helpers.histories import check_equal, empty_history, make_history

INF, NAN = np.inf, np.nan
# Neither losses nor norms.


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
