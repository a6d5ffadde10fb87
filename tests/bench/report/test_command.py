"""The command line of the report."""

from pathlib import Path

import pytest

from benchmarks.report import command
from benchmarks.report.command import main
from tests.helpers.matrix_results import write_environment


def test_report_exits_2_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of other files is refused like one that does not exist; no file is written."""
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")

    assert main([str(tmp_path)]) == 2
    assert "holds no results" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere"), "--output", str(tmp_path / "page.html")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "notes.txt"]


def test_report_names_files_that_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes the page without them, and escapes their names."""
    monkeypatch.setattr(command, "make_page", lambda *_: "the page")
    folder = write_environment(tmp_path / "py311-paddle33-cpu")
    (folder / "tests.xml").write_text("<a/>", encoding="utf-8")
    (tmp_path / "comparisons" / "x\x1b[31m").mkdir(parents=True)
    (tmp_path / "faults.json").write_text("[" * 100_000, encoding="utf-8")

    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        r"warning: comparisons/x\x1b[31m/comparison.json: missing",
        "warning: faults.json: cannot be read: invalid JSON: the JSON is nested too deeply",
        "warning: py311-paddle33-cpu/tests.xml: cannot be read: expected JUnit XML, got an element "
        "<a>",
    ]
    assert (tmp_path / "report.html").exists()


def test_report_exits_3_if_the_page_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder of the page may not exist, for example."""
    (tmp_path / "results" / "py311-paddle33-cpu").mkdir(parents=True)
    output = tmp_path / "nowhere" / "page.html"

    assert main([str(tmp_path / "results"), "--output", str(output)]) == 3
    assert "page not written: cannot write" in capsys.readouterr().err
