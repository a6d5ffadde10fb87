"""Events of a history, and its file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnn_core import Event, History, TrainConfig
from rnn_core.history import EXPLOSION_LIMIT
from tests.helpers.histories import ENVIRONMENT, check_equal, empty_history, make_history

INF, NAN = np.inf, np.nan


def with_values(**values: list[float]) -> History:
    """A history with these losses, and norms of W before and after clipping."""
    one = [1.0] * 4
    return make_history(
        loss=np.array(values.get("loss", one)),
        raw_norms={"W": np.array(values.get("raw", one)), "U": np.array(values.get("U", one))},
        clipped_norms={"W": np.array(values.get("clipped", one)), "U": np.array(one)},
    )


def test_healthy_run_has_no_events() -> None:
    """Finite, moderate values are no event."""
    history = with_values(loss=[4, 3, 2, 1])

    assert history.events == ()
    assert history.event("exploded") is None


@pytest.mark.parametrize(
    ("values", "event"),
    [
        ({"loss": [1, 2e6, 3e6, 1]}, Event("exploded", 2, ("loss",), 2e6)),
        ({"raw": [1, 1, 2e6, 3e6]}, Event("exploded", 3, ("W",), 2e6)),
        ({"raw": [1, 0, 0, 0]}, Event("vanished", 2, ("W",), 0.0)),
        ({"raw": [1, 1, 1, 0], "U": [1, 1, 1, 0]}, Event("vanished", 4, ("W", "U"), 0.0)),
        ({"loss": [1, 1, 1, INF]}, Event("non-finite", 4, ("loss",), INF)),
        ({"raw": [-INF, 1, 1, 1]}, Event("non-finite", 1, ("W",), -INF)),
    ],
)
def test_event_is_the_first_step_of_its_kind(values: dict[str, list[float]], event: Event) -> None:
    """It names the step and every quantity concerned."""
    history = with_values(**values)

    assert history.events == (event,)
    assert history.event(event.kind) == event


def test_value_at_the_limit_has_not_exploded() -> None:
    """Only values above the limit have exploded."""
    assert with_values(loss=[1, 1, EXPLOSION_LIMIT, 1]).events == ()


def test_infinity_is_non_finite_only() -> None:
    """Only finite values can have exploded."""
    kinds = [event.kind for event in with_values(loss=[1, INF, NAN, NAN]).events]

    assert kinds == ["non-finite"]


def test_nan_after_clipping_is_an_event() -> None:
    """Clipping can turn a finite gradient into NaN."""
    (event,) = with_values(clipped=[1, 1, NAN, 1]).events

    assert (event.kind, event.step, event.what) == ("non-finite", 3, ("W",))


def test_zero_gradients_of_a_perfect_fit_have_not_vanished() -> None:
    """If the loss is exactly zero, zero gradients are right."""
    history = with_values(loss=[1, 1, 0, 0], raw=[1, 1, 0, 0], U=[1, 1, 0, 0])

    assert history.events == ()


def test_events_are_ordered_by_step() -> None:
    """The first event comes first."""
    history = with_values(loss=[1, 1, 2e6, NAN], raw=[1, 0, 0, NAN])

    assert [(event.kind, event.step) for event in history.events] == [
        ("vanished", 2),
        ("exploded", 3),
        ("non-finite", 4),
    ]


def test_event_has_the_step_number_with_gaps_in_the_record() -> None:
    """If not every step was recorded, the number differs from the index."""
    history = make_history(
        loss=np.array([1.0, 1.0, 2e6, np.nan]), steps=41, recorded=np.array([10, 20, 30, 40])
    )

    assert [(event.kind, event.step) for event in history.events] == [
        ("exploded", 30),
        ("non-finite", 40),
    ]


def test_empty_history_has_no_events() -> None:
    """A run can be interrupted in its first step."""
    assert empty_history().events == ()


def test_load_returns_what_was_saved(tmp_path: Path) -> None:
    """Every field is the same, bit for bit, also NaN and infinity."""
    config = TrainConfig(cell="LSTM", clip_norm=0.1, epochs=2)
    saved = make_history(
        config=config, outcome="non-finite", loss=np.array([0.1, 1e-320, INF, NAN])
    )
    path = tmp_path / "history.npz"

    saved.save(path)

    check_equal(saved, History.load(path))


def test_load_keeps_the_numbers_of_recorded_steps(tmp_path: Path) -> None:
    """Every third step was recorded."""
    saved = make_history(
        config=TrainConfig(epochs=4, record=3), steps=13, recorded=np.array([3, 6, 9, 12])
    )
    path = tmp_path / "history.npz"

    saved.save(path)

    check_equal(saved, History.load(path))
    with np.load(path) as arrays:
        assert arrays["recorded"].tolist() == [3, 6, 9, 12]
        assert arrays["steps"] == 13


def test_load_returns_an_empty_history(tmp_path: Path) -> None:
    """There are no steps and no epochs."""
    saved = empty_history()
    path = tmp_path / "history.npz"

    saved.save(path)

    check_equal(saved, History.load(path))


def test_file_can_be_read_with_numpy_alone(tmp_path: Path) -> None:
    """Without loading pickles."""
    path = tmp_path / "history.npz"
    make_history().save(path)

    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["loss"].tolist() == [4.0, 3.0, 2.0, 1.0]
        assert arrays["raw_norms/recurrent.W"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_load_rejects_a_file_cut_short_anywhere(tmp_path: Path) -> None:
    """The error names the file."""
    whole = tmp_path / "whole.npz"
    make_history().save(whole)
    content = whole.read_bytes()
    cut = tmp_path / "cut.npz"

    for length in range(0, len(content), 97):
        cut.write_bytes(content[:length])
        refuses(cut)


def test_load_rejects_a_damaged_byte_or_ignores_it(tmp_path: Path) -> None:
    """The file is refused by name or read as saved: some bytes of a zip archive do not matter."""
    path = tmp_path / "history.npz"
    saved = make_history(loss=np.random.default_rng(0).random(4))
    saved.save(path)
    content = path.read_bytes()

    refused = 0
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            loaded = History.load(path)
        except ValueError as error:
            assert f"{path.name} is not a valid" in str(error)  # noqa: PT017
            refused += 1
        else:
            check_equal(saved, loaded)
    assert refused > len(content) / 6


@pytest.mark.parametrize("content", [b"", b"not a history", b"PK\x03\x04", b"{}"])
def test_load_rejects_foreign_files(tmp_path: Path, content: bytes) -> None:
    """The error names the file."""
    path = tmp_path / "foreign.npz"
    path.write_bytes(content)

    refuses(path, ": not a zip archive, or cut short$")


def test_load_rejects_foreign_archives(tmp_path: Path) -> None:
    """An archive of other arrays is not a history."""
    path = tmp_path / "foreign.npz"
    np.savez(path, loss=np.zeros(3))

    refuses(path, ": format tag is missing or different$")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"format": np.array("rnn_core history 99")}, ".*format tag is missing or different"),
        # The format before `record` existed.
        ({"format": np.array("rnn_core history 1")}, ".*format tag is missing or different"),
        ({"config": np.array('{"cell": "GRU"}')}, ".*cell must be one of"),
        ({"config": np.array('{".*colour": 1}')}, ".*colour"),
        ({"config": np.array("{")}, ""),
        ({"outcome": np.array("fine")}, ".*outcome must be one of finished, .* got 'fine'"),
        ({"loss": np.zeros(3)}, ".*3 losses, but 4 norms"),
        ({"accuracy": np.zeros(3)}, ": 3 accuracies, but 2 ends of epochs$"),
        (
            {"epoch_ends": np.array([2, 5])},
            ": epoch_ends must be increasing step numbers",
        ),
        ({"epoch_ends": np.array([0, 4])}, ": epoch_ends must be increasing step numbers"),
        ({"epoch_ends": np.array([4, 2])}, ": epoch_ends must be increasing step numbers"),
        ({"epoch_ends": np.array([2.0, 4.0])}, ": epoch_ends must be increasing step numbers"),
        ({"recorded": np.array([1, 2, 3])}, ": 4 losses, but 3 recorded steps$"),
        ({"recorded": np.array([[1, 2, 3, 4]])}, ": 4 losses, but 4 recorded steps$"),
        (
            {"recorded": np.array([1.0, 2.0, 3.0, 4.0])},
            ": recorded must be increasing step .*",
        ),
        ({"recorded": np.array([1, 2, 2, 4])}, ": recorded must be increasing step .*"),
        ({"recorded": np.array([1, 3, 2, 4])}, ": recorded must be increasing step .*"),
        ({"recorded": np.array([0, 1, 2, 3])}, ": recorded must be increasing step .*"),
        ({"recorded": np.array([2, 3, 4, 5])}, ": recorded must be increasing step .*"),
        ({"recorded": None}, ".*recorded"),
        ({"steps": np.array(3)}, ": epoch_ends must be increasing step numbers"),
        ({"steps": None}, ".*steps"),
        ({"loss": np.zeros(4, dtype=np.complex128)}, ".*arrays, got 1-dimensional complex128$"),
        ({"accuracy": np.array(1.0)}, ".*arrays, got 0-dimensional float64$"),
        ({"clipped_norms/linear.bias": np.array(["a"] * 4)}, ".*arrays, got 1-dimensional <U1$"),
        ({"parameters": np.array("[]")}, ": the history has no parameters$"),
        ({"environment": np.array("null")}, ": the environment must hold texts"),
        ({"environment": np.array("[]")}, ": the environment must hold texts"),
        (
            {"environment": np.array('{"paddle": "3"}')},
            ": the environment must hold texts",
        ),
        (
            {"environment": np.array(json.dumps({**ENVIRONMENT, "threads": 1}))},
            ": the environment must hold texts",
        ),
        ({"config": np.array("[" * 100_000)}, ""),
        ({"config": np.array('{"learning_rate": 1' + "0" * 400 + "}")}, ".*learning_rate"),
        ({"raw_norms/recurrent.W": None}, ".*recurrent.W"),
        ({"loss": np.array([object()])}, ".*allow_pickle"),
    ],
)
def test_load_rejects_arrays_that_do_not_fit_together(
    tmp_path: Path, changes: dict[str, Any], match: str
) -> None:
    """The error says which."""
    path = tmp_path / "history.npz"
    make_history().save(path)
    with np.load(path) as stored:
        arrays = {**stored, **changes}

    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})

    refuses(path, match)


def test_load_of_a_missing_file_raises_os_error(tmp_path: Path) -> None:
    """The error is not about the content of the file."""
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "none.npz")


def refuses(path: Path, match: str = "") -> None:
    """Check that loading names the file and the reason."""
    words = rf"{path.name} is not a valid 'rnn_core history 2' file{match}"
    with pytest.raises(ValueError, match=words):
        History.load(path)
