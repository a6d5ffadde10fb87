"""Reading a folder of results: missing, damaged and foreign files are named."""

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare.result import FILE
from benchmarks.report import reading
from benchmarks.report.formats import Planting
from benchmarks.report.reading import EnvironmentResults, Problem, read_environment, read_results
from tests.helpers.matrix_results import (
    faults,
    released,
    write_environment,
    write_json,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of a complete run."""
    return write_environment(tmp_path / "py311-paddle33-cpu")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
@pytest.mark.parametrize("replace_by", ["folder", "pipe", "device"])
def test_only_regular_files_are_read(folder: Path, replace_by: str) -> None:
    """A pipe would be waited for, and a device has no end."""
    names = sorted(path.name for path in folder.iterdir())
    for path in list(folder.iterdir()):
        path.unlink()
        if replace_by == "folder":
            path.mkdir()
        elif replace_by == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")
    problems = {each.file: each.reason for each in read_environment(folder).problems}

    assert sorted(problems) == names
    assert all(reason.startswith("cannot be read: ") for reason in problems.values())
    assert str(folder) not in str(problems)


def test_folders_that_cannot_be_read_are_problems(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is that of the system, without the path."""
    content = reading._content

    def denied(path: Path) -> list[Path]:
        if path == folder.parent:
            return content(path)
        raise PermissionError(13, "denied", str(path))

    (folder.parent / "comparisons").mkdir()
    monkeypatch.setattr(reading, "_content", denied)
    results = read_results(folder.parent)

    assert results.listed == [
        (name, "cannot be read: denied") for name in ("comparisons", f"{folder.name}/")
    ]


def test_comparisons_of_releases_are_a_chain(tmp_path: Path) -> None:
    """The names of their folders tell; one that leads past another is an ordinary comparison.

    Those of bisections are not shown.
    """
    for pair in ("2.6.2..3.0.0", "3.0.0..3.1.0", "2.6.2..3.1.0"):
        write_json(tmp_path / f"comparisons/releases-{pair}" / FILE, released(*pair.split("..")))
    write_json(tmp_path / "comparisons/bisect-2.6.2..3.0.0" / FILE, released("2.6.2", "3.0.0"))
    results = read_results(tmp_path)

    assert [[*chain] for chain in results.chains] == [[("2.6.2", "3.0.0"), ("3.0.0", "3.1.0")]]
    assert [(each.baseline.name, each.candidate.name) for each in results.comparisons] == [
        ("2.6.2", "3.1.0")
    ]


@pytest.mark.parametrize(
    ("facts", "workload"),
    [({"cell": "model.py:workload"}, ""), ({"device": "gpu:0"}, ""), ({}, "digest of its files")],
)
def test_other_work_is_another_chain(tmp_path: Path, facts: dict[str, str], workload: str) -> None:
    """Comparisons of one content of an own workload, or on one device, belong together.

    One that failed is in the first chain.
    """
    content = released("2.6.2", "3.0.0")
    write_json(tmp_path / "comparisons/releases-2.6.2..3.0.0" / FILE, content)
    content["benchmarks"] = [{**each, **facts} for each in content["benchmarks"]]
    content["workload"] = workload
    failed = released("3.0.0", "3.1.0", benchmarks=[], workload="")
    write_json(tmp_path / "comparisons/releases-3.0.0..3.1.0" / FILE, failed)
    write_json(tmp_path / "comparisons/releases-2.6.2..3.0.0-other" / FILE, content)
    results = read_results(tmp_path)

    assert [[*chain] for chain in results.chains] == [
        [("2.6.2", "3.0.0"), ("3.0.0", "3.1.0")],
        [("2.6.2", "3.0.0")],
    ]
    assert results.comparisons == []


def test_error_without_a_code_has_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not "None"."""

    def fail(_: Path) -> None:
        raise OSError("odd")

    monkeypatch.setattr(Planting, "load", fail)
    (tmp_path / reading.FAULTS).touch()

    problem = Problem(reading.FAULTS, "cannot be read: odd")
    assert read_results(tmp_path).problems == [problem]


def test_comparisons_that_all_failed_are_a_chain(tmp_path: Path) -> None:
    """They compared no work that could be named."""
    failed = released("3.0.0", "3.1.0", benchmarks=[], workload="")
    write_json(tmp_path / "comparisons/releases-3.0.0..3.1.0" / FILE, failed)

    assert [[*chain] for chain in read_results(tmp_path).chains] == [[("3.0.0", "3.1.0")]]


def test_other_files_beside_the_environments_are_problems(folder: Path) -> None:
    """Empty comparisons and foreign files are; the page itself, hidden files and links are not."""
    root = folder.parent
    for name in ("report.html", "notes.txt", ".hidden", "calibration", f"{folder.name}/.lock"):
        (root / name).write_text("", encoding="utf-8")
    (root / "comparisons" / "empty").mkdir(parents=True)
    for name in (".hidden", "stray.txt"):
        (root / "comparisons" / name).touch()
    write_json(root / "faults.json", {"environment": {}})
    (root / ".tox").mkdir()
    (root / "py313-paddle32-cpu").symlink_to(".tox")
    (root / ".tox" / ".lock").touch()
    empty = Problem("", "the folder is empty: the run broke off before it began")
    results = read_results(root, frozenset(["report.html"]))

    assert results.environments[1:] == [EnvironmentResults("py313-paddle32-cpu", problems=[empty])]
    assert results.comparisons == []
    assert results.problems == [
        Problem("comparisons/empty/comparison.json", "missing"),
        Problem("comparisons/stray.txt/comparison.json", "cannot be read: Not a directory"),
        Problem("faults.json", "cannot be read: verdicts is missing"),
        Problem("notes.txt", "not a file of results"),
    ]
    assert read_environment(folder).problems == []


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("faults.json", faults(), "planting"),
        ("faults.json", {}, "problems"),
        ("comparisons/a/comparison.json", {}, "problems"),
        ("comparisons/a/comparison.json", released("3.0.0", "3.1.0"), "comparisons"),
        ("comparisons/releases-3.0.0..3.1.0/comparison.json", released("3.0.0", "3.1.0"), "chains"),
    ],
)
def test_a_folder_may_hold_one_kind_of_results_only(
    tmp_path: Path, name: str, content: dict[str, Any], kind: str
) -> None:
    """Even if it is damaged."""
    write_json(tmp_path / name, content)
    results = read_results(tmp_path)

    assert [name for name, found in vars(results).items() if found] == [kind]
