"""The programs in `examples`, as a user runs them."""

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from tests import ROOT


@pytest.mark.slow
def test_padded_gru_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It tells more languages apart than chance, 25%; its checkpoint has all that it trained.

    Paddle 2.6.2 to 3.3.1 find 91.8% after 4 epochs (AMD EPYC).
    """
    checkpoint = tmp_path / "gru.pdparams"
    monkeypatch.setattr("sys.argv", ["padded_gru.py", "--checkpoint", str(checkpoint)])
    program = runpy.run_path(str(ROOT / "examples" / "padded_gru.py"), run_name="__main__")
    line = r"^epoch (\d): loss [\d.]+, accuracy ([\d.]+)%$"
    *_, found = re.findall(line, capsys.readouterr().out, re.MULTILINE)
    state = paddle.load(str(checkpoint))

    assert int(found[0]) == 4
    assert float(found[1]) > 88
    assert state["model"].keys() == program["Classifier"]().state_dict().keys()
    assert state["optimizer"]["LR_Scheduler"]["last_epoch"] == 32 * 4


# Of the first steps with seed 0, the same on Paddle 2.6.2 and 3.3.1.
LOSSES = [1.3943269, 1.4064898, 1.3534317, 1.3275300]
NORMS = [3.515280, 5.669720, 8.065814, 1.043563, 1.023000, 2.759132, 0.01573320]


def test_padded_gru_takes_the_same_first_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses, weights, accuracy and the checkpoint, with fewer sentences."""
    program: Any = runpy.run_path(str(ROOT / "examples" / "padded_gru.py"))
    program["Training"].__init__.__globals__.update(SENTENCES=64, HELD_OUT=32)
    training = program["Training"](0)

    losses = [float(training.step()) for _ in LOSSES]
    monkeypatch.chdir(tmp_path)
    training.save("gru.pdparams")

    assert losses == pytest.approx(LOSSES, rel=3e-5)
    norms = [np.linalg.norm(weight.numpy()) for weight in training.model.parameters()]
    assert norms == pytest.approx(NORMS, rel=3e-5)
    assert training.accuracy() == 0.3125
    # Of more sentences, whose two highest scores differ by 0.004 or more.
    program["Training"].__init__.__globals__.update(HELD_OUT=260)
    training.held_out = program["Sentences"](260, np.random.default_rng(3))
    assert training.accuracy() == pytest.approx(77 / 260)
    saved: Any = paddle.load("gru.pdparams")
    for name, weight in training.model.named_parameters():
        assert saved["model"][name].tolist() == weight.tolist()
    assert saved["optimizer"]["LR_Scheduler"]["last_epoch"] == 4
