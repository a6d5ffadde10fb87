"""The command line of the report."""

import os
from datetime import datetime, timezone
from pathlib import Path
from unittest.mock import Mock

import pytest

from benchmarks.report import command
from benchmarks.report.command import main
from tests.helpers.matrix_results import write_environment
from tests.helpers.time_zone import clock


def test_report_exits_2_without_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of other files is refused like one that does not exist; no file is written."""
    monkeypatch.setattr(command, "ROOT", tmp_path)
    (tmp_path / "comparisons").write_text("", encoding="utf-8")

    assert main([str(tmp_path)]) == 2
    assert "holds no results" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere"), "--output", str(tmp_path / "page.html")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert main([]) == 2
    assert f"{tmp_path / 'results'} is not a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "comparisons"]


def test_report_names_files_that_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes the page without them, and escapes their names."""
    make = Mock(return_value="page \udcff")
    monkeypatch.setattr(command, "make_page", make)
    monkeypatch.setattr(command, "datetime", clock(datetime(2026, 11, 25, 7, tzinfo=timezone.utc)))
    folder = write_environment(tmp_path / "py311-paddle33-cpu")
    (folder / "tests.xml").write_text("<a/>", encoding="utf-8")
    (tmp_path / "comparisons" / "x\n\x1b[31m").mkdir(parents=True)
    (tmp_path / "faults.json").write_text("[" * 100_000, encoding="utf-8")

    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"page: {tmp_path / 'report.html'}\n"
    assert printed.err.splitlines() == [
        r"warning: comparisons/x\n\x1b[31m/comparison.json: missing",
        "warning: faults.json: cannot be read: invalid JSON: the JSON is nested too deeply",
        "warning: py311-paddle33-cpu/tests.xml: cannot be read: expected JUnit XML, got an element "
        "<a>",
    ]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "page ?"
    results, now = make.call_args.args
    assert (len(results.listed), now) == (3, datetime(2026, 11, 25, 7, tzinfo=timezone.utc))
    # A page that an earlier command wrote does not count as a problem.
    monkeypatch.chdir(folder)
    other = [str(tmp_path), "--output", "../other.html"]
    assert [main(other), main(other), (tmp_path / "other.html").exists()] == [0, 0, True]
    assert capsys.readouterr().err == 2 * printed.err


def test_report_exits_3_if_the_page_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its folder, no page is made; on a full disk, the earlier one stays."""
    make = Mock(return_value="new")
    monkeypatch.setattr(command, "make_page", make)
    monkeypatch.setattr(os, "fsync", Mock(side_effect=OSError(28, "full")))
    (tmp_path / "py311-paddle33-cpu").mkdir()
    (tmp_path / "page.html").write_text("old", encoding="utf-8")

    for folder, reason, calls in (("nowhere", "cannot write", 0), (".", "full", 1)):
        assert main([str(tmp_path), "--output", str(tmp_path / folder / "page.html")]) == 3
        printed = capsys.readouterr()
        assert "page not written: " in printed.err
        assert "warning" not in printed.err
        assert (reason in printed.err, printed.out, make.call_count) == (True, "", calls)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "old"
