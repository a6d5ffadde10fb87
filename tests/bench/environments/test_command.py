"""The command `python -m benchmarks.environments`: the list, and what it removes."""

from pathlib import Path

import pytest

from benchmarks.environments import command, store
from benchmarks.environments.command import main
from benchmarks.locks import lock_folder
from tests.helpers.command_lines import assert_rejected


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a store with three environments, the last of them incomplete."""
    for owner in (command, store):
        monkeypatch.setattr(owner, "STORE", tmp_path)
    for name, megabytes in (("a", 12), ("b", 2), ("c", 2)):
        (tmp_path / name / "env").mkdir(parents=True)
        (tmp_path / name / "env" / "file").write_bytes(bytes(megabytes * 10**6))
        if name != "c":
            (tmp_path / name / store.COMPLETE).write_text(f"paddlepaddle=={name}")
    return tmp_path


def test_list_shows_sizes(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An incomplete environment is listed, because it takes space too."""
    assert main([]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "a         paddlepaddle==a  12 MB",
        "b         paddlepaddle==b   2 MB",
        "c         incomplete        2 MB",
        "together                   16 MB",
        f"in {kept}",
    ]


@pytest.mark.parametrize(("names", "left"), [(["a", "c"], ["b"]), (["all"], [])])
def test_named_environments_are_removed(
    names: list[str], left: list[str], kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others stay."""
    assert main(["--remove", *names]) == 0

    gone = [name for name in "abc" if name not in left]
    assert capsys.readouterr().out.splitlines() == [f"removed {name}" for name in gone]
    assert [path.name for path in kept.iterdir()] == left


def test_wrong_names_are_refused(kept: Path) -> None:
    """Nothing is removed, and an environment that is being made stays."""
    message = "../a is not an environment: allowed are all, a, b, c"
    assert_rejected(main, ["--remove", "b", "../a"], message)
    with lock_folder(kept / "c"):
        assert_rejected(main, ["--remove", "c"], "c is in use by another run")

    assert sorted(path.name for path in kept.iterdir()) == ["a", "b", "c"]
