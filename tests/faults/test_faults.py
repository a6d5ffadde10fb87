"""The catalogue of faults fits the code, and its verdicts count only what they should."""

import json
from pathlib import Path

import pytest

from rnn_core.commands.status import ExitStatus
from tests import ROOT
from tests.faults import __main__ as faults
from tests.faults.__main__ import (
    FAULTS,
    HEALTHY,
    Verdict,
    as_hoped,
    failing_tests,
    main,
    markdown,
    matrix,
    order,
    outcome,
    plant,
)
from tests.faults.fault import Fault, apply_edits, read_faults
from tests.helpers.command_lines import assert_rejected


def verdict(**changes: object) -> Verdict:
    """A verdict, by default of a fault that one test caught."""
    fields = {
        "name": "a-fault",
        "stands_for": "a bug",
        "caught": True,
        "problem": "",
        "tests": ("core/test_x.py::test_y",),
        "seconds": 1.5,
    }
    return Verdict(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.edits], ids=lambda f: f.name)
def test_every_edit_fits_the_source(fault: Fault) -> None:
    """The text of every edit occurs once; the edited source differs and compiles."""
    source = (ROOT / fault.file).read_text(encoding="utf-8")

    broken = apply_edits(fault, source)

    assert source != broken
    compile(broken, fault.file, "exec")


def test_every_fault_has_a_unique_name_and_one_kind() -> None:
    """Names are unique; a fault either edits the source or breaks Paddle."""
    assert len(FAULTS) == len({fault.name for fault in FAULTS}) >= 230
    for fault in FAULTS:
        assert bool(fault.edits) != (fault.break_paddle is not None), fault.name
        assert fault.stands_for, fault.name


def test_read_faults_reads_edits_of_one_and_of_several_lines() -> None:
    """The text after a mark is literal, with its indentation; a mark alone is an empty line."""
    text = "# a.py\n\nx: bug: one\n- a\n-     b\n+ c\n- d\n+\n+   e\n\n# b.py\n\ny: bug\n- f\n+ g\n"

    assert list(read_faults(text)) == [
        Fault("x", "bug: one", "a.py", (("a\n    b", "c"), ("d", "\n  e"))),
        Fault("y", "bug", "b.py", (("f", "g"),)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x: bug\n- a\n+ b",
        "# a.py\n\nx\n- a\n+ b",
        "# a.py\n\nx: bug",
        "# a.py\n\nx: bug\n- a",
        "# a.py\n\nx: bug\n+ a\n- b",
        "# a.py\n\nx: bug\n- a\nb\n+ c",
    ],
    ids=["no-file", "no-bug", "no-edit", "no-replacement", "wrong-order", "line-without-mark"],
)
def test_read_faults_refuses_a_fault_that_it_cannot_read(text: str) -> None:
    """A slip in the catalogue raises an error, so that no fault or line is lost."""
    with pytest.raises(ValueError, match="expected `name: bug` and lines that begin with - or"):
        list(read_faults(text))


def test_apply_edits_refuses_an_edit_that_does_not_fit() -> None:
    """If the source has changed, the fault raises an error, so that it cannot seem to survive."""
    fault = Fault("a-fault", "a bug", "file.py", (("old", "new"),))

    with pytest.raises(
        ValueError, match="'a-fault': file.py must contain 'old' once, but contains it 0 times"
    ):
        apply_edits(fault, "nothing")
    with pytest.raises(ValueError, match="contains it 2 times"):
        apply_edits(fault, "old and old")


def test_plant_edits_a_copy_only(tmp_path: Path) -> None:
    """The copy has the fault and the tests; the project itself is unchanged."""
    fault = FAULTS[0]
    before = (ROOT / fault.file).read_text(encoding="utf-8")

    copy = plant(fault, tmp_path / "copy")

    edited = (copy / fault.file).read_text(encoding="utf-8")
    assert edited == apply_edits(fault, before)
    assert (ROOT / fault.file).read_text(encoding="utf-8") == before
    assert (copy / "tests" / "faults" / Path(__file__).name).exists()
    assert (copy / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("changes", "words", "good"),
    [
        ({}, "caught", True),
        ({"caught": False, "tests": ()}, "SURVIVED", False),
        ({"caught": False, "problem": "time-out"}, "NO VERDICT, time-out", False),
        ({"name": HEALTHY.name, "caught": False, "tests": ()}, "passed", True),
        ({"name": HEALTHY.name}, "FALSE ALARM", False),
        ({"name": HEALTHY.name, "caught": False, "problem": "x"}, "NO VERDICT, x", False),
    ],
)
def test_verdict_counts_neither_crashes_nor_time_outs(
    changes: dict[str, object], words: str, good: bool
) -> None:
    """A crash is neither caught nor passed, and a failure without a fault is a false alarm."""
    assert outcome(verdict(**changes)) == words
    assert as_hoped(verdict(**changes)) == good


def test_summary_names_the_faults_that_survived() -> None:
    """It counts the caught faults and lists the rest."""
    lines = matrix([verdict(), verdict(name="sly", caught=False, tests=())])

    assert "1 of 2 faults caught" in lines
    assert lines[-1] == "sly: SURVIVED (a bug)"
    assert "| a-fault | a bug | caught | 1.5 | `core/test_x.py::test_y` |" in markdown(
        [verdict()], {"paddle": "9", "python": "3", "cpu": "A CPU", "system": "Linux"}
    )


def test_failing_tests_ignores_errors_and_skips(tmp_path: Path) -> None:
    """A test that was skipped or could not be set up has not caught anything."""
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.core.test_a" name="passed"/>'
        '<testcase classname="tests.core.test_a" name="failed"><failure/></testcase>'
        '<testcase classname="tests.core.test_a" name="error"><error/></testcase>'
        '<testcase classname="tests.core.test_a" name="skip"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )

    assert failing_tests(report) == ("core/test_a.py::failed",)


def test_oracles_run_first_and_long_runs_last() -> None:
    """In this order, most faults are caught within seconds."""
    names = [
        "core/test_cells.py",
        "runs/test_contrast.py",
        "oracle/test_model.py",
        "test_conftest.py",
    ]

    assert min(names, key=lambda name: order(Path(name))) == "oracle/test_model.py"
    assert max(names, key=lambda name: order(Path(name))) == "runs/test_contrast.py"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-fault"], "unknown fault: no-such-fault"),
        (["--jobs", "0"], "must be at least 1, got 0"),
        (["--save", "faults.txt"], "must end in .md or .json, got 'faults.txt'"),
    ],
)
def test_faults_rejects_wrong_options(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names what is wrong, and nothing runs."""
    assert_rejected(main, arguments, message, capsys)


def test_faults_exits_1_when_a_fault_survives_and_3_when_a_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdicts are printed in either case."""
    fault = FAULTS[0].name
    path = tmp_path / "faults.json"
    monkeypatch.setattr(faults, "judge_all", lambda *_: [verdict(name=fault, caught=False)])

    assert main([fault, "--save", str(path)]) == ExitStatus.FINDING
    assert json.loads(path.read_text())["verdicts"][0]["caught"] is False
    monkeypatch.setattr(faults, "judge_all", lambda *_: [verdict(name=fault)])
    assert main([fault]) == ExitStatus.OK
    monkeypatch.setattr(faults, "save", raise_os_error)
    assert main([fault, "--save", str(path)]) == ExitStatus.NOT_WRITTEN
    assert "error: disk full" in capsys.readouterr().err


def raise_os_error(*_: object) -> None:
    """Fail as a full disk does."""
    raise OSError("disk full")
