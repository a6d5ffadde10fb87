"""Peak memory of one training step."""

from functools import partial
from types import SimpleNamespace

import paddle
import pytest

from benchmarks.measuring import memory
from benchmarks.measuring.memory import allocated_peak, measure_peak, saved_bytes
from benchmarks.workloads.training_step import Shape


@pytest.mark.slow
def test_peak_grows_with_the_number_of_steps() -> None:
    """The peak includes the states that backpropagation saves."""
    short, long = (measure_peak("textbook", "LSTM", f"B16-T{T}-H64") for T in (25, 400))

    assert long - short >= (400 - 25) * saved_bytes("LSTM", batch=16, size=64) / 2


def test_first_step_does_not_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is taken at two time steps, before the peak is reset; the second one counts."""
    happened: list[object] = []
    peaks = [100, 140]

    def make(_: str, __: str, shape: Shape) -> SimpleNamespace:
        return SimpleNamespace(step=lambda: happened.append(str(shape)))

    monkeypatch.setattr("benchmarks.workloads.implementations.make_contender", make)
    monkeypatch.setattr(memory, "reset_peak", lambda: happened.append("reset"))
    monkeypatch.setattr(memory, "peak", lambda: peaks.pop(0))

    assert memory.main("kernel", "RNN", "B1-T10-H4") == 0
    assert happened == ["B1 T2 H4", "reset", "B1 T10 H4"]
    assert capsys.readouterr().out == "40\n"


@pytest.mark.slow
def test_failed_measurement_is_named() -> None:
    """The error has the last line of the process's output."""
    message = r"the process for textbook LSTM B0-T1-H1 exited with status 1: .*ValueError"
    with pytest.raises(RuntimeError, match=message):
        measure_peak("textbook", "LSTM", "B0-T1-H1")


def test_saved_bytes_count_the_states_of_each_cell() -> None:
    """Two tensors for the RNN, eight for the LSTM, in float32."""
    assert saved_bytes("RNN", batch=3, size=5) == 4 * 3 * 5 * 2
    assert saved_bytes("LSTM", batch=3, size=5) == 4 * 3 * 5 * 8


def test_allocated_peak_is_that_of_the_call() -> None:
    """An earlier, higher peak does not hide it; what is held before the call counts too."""
    empty = partial(paddle.empty, dtype="uint8")
    empty([2**24])
    least = allocated_peak(lambda: None, "cpu")
    held = empty([2**20])
    peaks = [allocated_peak(partial(empty, [size]), "cpu") for size in (1, 2**21)]

    assert least is not None
    assert [peak and peak - least for peak in peaks] == [
        pytest.approx(mebibytes * 2**20, abs=1e4) for mebibytes in (1, 3)
    ]
    assert held.shape == [2**20]


def test_allocated_peak_is_unknown_without_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions before 2.4 and other builds may not have them."""
    monkeypatch.delattr("paddle.base.core.host_memory_stat_peak_value")

    assert allocated_peak(lambda: None, "cpu") is None
