"""The command line of the report."""

from pathlib import Path

import pytest

from benchmarks.report.command import main


def test_report_exits_2_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of other files is refused like one that does not exist; no file is written."""
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")

    assert main([str(tmp_path)]) == 2
    assert "holds no results" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere"), "--output", str(tmp_path / "page.html")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "notes.txt"]


def test_report_exits_3_if_the_page_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder of the page may not exist, for example."""
    (tmp_path / "results" / "py311-paddle33-cpu").mkdir(parents=True)
    output = tmp_path / "nowhere" / "page.html"

    assert main([str(tmp_path / "results"), "--output", str(output)]) == 3
    assert "page not written: cannot write" in capsys.readouterr().err
