"""The programs in `examples`, as a user runs them."""

import re
import runpy
from pathlib import Path

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
