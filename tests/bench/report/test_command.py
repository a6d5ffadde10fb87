"""The command line of the report."""

import re
from datetime import timezone
from pathlib import Path
from unittest.mock import Mock

import pytest

from benchmarks.report import command
from benchmarks.report.command import main
from tests.helpers.matrix_results import write_environment


def test_report_exits_2_without_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of other files is refused like one that does not exist; no file is written."""
    monkeypatch.setattr(command, "ROOT", tmp_path)
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")

    assert main([str(tmp_path)]) == 2
    assert "holds no results" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere"), "--output", str(tmp_path / "page.html")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert main([]) == 2
    assert f"{tmp_path / 'results'} is not a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "notes.txt"]


def test_report_names_files_that_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes the page without them, and escapes their names."""
    make = Mock(return_value="page \udcff")
    monkeypatch.setattr(command, "make_page", make)
    folder = write_environment(tmp_path / "py311-paddle33-cpu")
    (folder / "tests.xml").write_text("<a/>", encoding="utf-8")
    (tmp_path / "comparisons" / "x\x1b[31m").mkdir(parents=True)
    (tmp_path / "faults.json").write_text("[" * 100_000, encoding="utf-8")

    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"page: {tmp_path / 'report.html'}\n"
    assert printed.err.splitlines() == [
        r"warning: comparisons/x\x1b[31m/comparison.json: missing",
        "warning: faults.json: cannot be read: invalid JSON: the JSON is nested too deeply",
        "warning: py311-paddle33-cpu/tests.xml: cannot be read: expected JUnit XML, got an element "
        "<a>",
    ]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "page ?"
    results, now = make.call_args.args
    assert (len(results.listed), now.tzinfo) == (3, timezone.utc)
    # A page that an earlier command wrote does not count as a problem.
    assert main([str(tmp_path), "--output", str(tmp_path / "other.html")]) == 0
    assert capsys.readouterr().err == printed.err


def test_help_has_the_command_and_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of the text stay."""
    with pytest.raises(SystemExit):
        main(["--help"])

    usage, text = "usage: python -m benchmarks.report [-h] ", str(command.__doc__)
    assert re.match(f"{re.escape(usage)}.*{re.escape(text)}", capsys.readouterr().out, re.DOTALL)


def test_report_exits_3_if_the_page_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder of the page may not exist, for example."""
    (tmp_path / "results" / "py311-paddle33-cpu").mkdir(parents=True)
    output = tmp_path / "nowhere" / "page.html"

    assert main([str(tmp_path / "results"), "--output", str(output)]) == 3
    assert "page not written: cannot write" in capsys.readouterr().err
