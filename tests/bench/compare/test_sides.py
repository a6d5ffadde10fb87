"""The sides of a comparison: saved runs and sides of saved comparisons.

Interpreters are tested in `tests.bench.test_interpreters`, damaged runs in `tests.bench.saved`.
"""

from pathlib import Path

import pytest

from benchmarks.compare.sides import Saved, find_side
from benchmarks.interpreters import SideError
from tests.helpers.fake_processes import FIRST, write_run


def test_side_of_a_saved_comparison_has_its_complete_pairs(tmp_path: Path) -> None:
    """Its runs are in the order of the pairs; half a pair is left out."""
    folder = tmp_path / "a..b"
    (folder / "pairs").mkdir(parents=True)
    pairs = ("0001-baseline", "0001-candidate", "0002-baseline", "0002-candidate", "0003-baseline")
    for name in pairs:
        write_run(folder / "pairs" / f"{name}.json", {FIRST: 1e-3})
    side = find_side(f"{folder}:baseline")

    assert isinstance(side, Saved)
    assert (side.name, side.comparison) == ("a..b:baseline", folder)
    assert [Path(run.name).stem for run in side.runs["time"]] == ["0001-baseline", "0002-baseline"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{folder}", "is a folder: add :baseline or :candidate"),
        ("{folder}:baseline", "has no complete pair"),
    ],
)
def test_wrong_side_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """The error names the side and what is wrong with it."""
    with pytest.raises(SideError, match=message):
        find_side(text.format(folder=tmp_path))
