"""The catalogue of faults fits the code, and its verdicts count only what they should."""

import ast
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar
from unittest.mock import Mock

import pytest
from jinja2 import Environment

from benchmarks.report.formats import Planted
from benchmarks.runner import Result
from rnn_core.commands.status import ExitStatus
from tests import ROOT
from tests.faults import command as faults
from tests.faults.command import (
    FAULTS,
    HEALTHY,
    ending_of,
    failing_tests,
    main,
    markdown,
    matrix,
    order,
    plant,
)
from tests.faults.fault import Fault, apply_edits, read_faults
from tests.helpers.command_lines import assert_rejected


def verdict(**changes: object) -> Planted:
    """A verdict, by default of a fault that one test caught."""
    fields = {
        "name": "a-fault",
        "stands_for": "a bug",
        "caught": True,
        "problem": "",
        "tests": ("core/test_x.py::test_y",),
        "seconds": 1.5,
    }
    return Planted(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("file", sorted({fault.file for fault in FAULTS if fault.edits}))
def test_every_edit_fits_the_source(file: str) -> None:
    """The text of every edit occurs once, and the edited source differs."""
    source = (ROOT / file).read_text(encoding="utf-8")
    for fault in FAULTS:
        if fault.file == file:
            assert source != apply_edits(fault, source), fault.name


@pytest.mark.slow
def test_faulty_sources_are_python_or_jinja2_and_no_two_are_the_same() -> None:
    """Not even under another name, with other comments or spaces."""
    found: dict[tuple[str, str], list[str]] = {}
    for fault in FAULTS:
        if not fault.edits:
            continue
        broken = apply_edits(fault, (ROOT / fault.file).read_text(encoding="utf-8"))
        if fault.file.endswith(".py"):
            compile(broken, fault.name, "exec")
            found.setdefault((fault.file, ast.dump(ast.parse(broken))), []).append(fault.name)
        else:
            Environment(autoescape=True).parse(broken, fault.name)

    assert [names for names in found.values() if len(names) > 1] == []


def test_every_fault_has_a_unique_name_and_one_kind() -> None:
    """Names are unique; a fault either edits the source or breaks Paddle, and names its tests."""
    assert len(FAULTS) == len({fault.name for fault in FAULTS}) >= 230
    for fault in FAULTS:
        assert bool(fault.edits) != (fault.break_paddle is not None), fault.name
        assert fault.stands_for, fault.name
        assert fault.files, fault.name
        assert [file for file in fault.files if not (ROOT / "tests" / file).exists()] == []


def test_read_faults_reads_edits_of_one_and_of_several_lines() -> None:
    """The text after a mark is literal, with its indentation; a mark alone is an empty line.

    The tests of a fault are those of its file, unless it names its own.
    """
    text = (
        "# a.py\n@ t.py u.py\n\nx: bug: one\n- a\n-     b\n+ c\n- d\n+\n+   e\n\n"
        "y: bug\n@ slow v.py\n- @ h\n+ g\n\n# b.py\n\nz: bug\n- f\n+ g\n"
    )

    faults = list(read_faults(text))

    assert faults == [
        Fault("x", "bug: one", "t.py u.py", "a.py", (("a\n    b", "c"), ("d", "\n  e"))),
        Fault("y", "bug", "slow v.py", "a.py", (("@ h", "g"),)),
        Fault("z", "bug", "", "b.py", (("f", "g"),)),
    ]
    assert [(fault.slow, fault.files) for fault in faults] == [
        (False, ["t.py", "u.py"]),
        (True, ["v.py"]),
        (False, []),
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
    fault = Fault("a-fault", "a bug", "", "file.py", (("old", "new"),))

    with pytest.raises(
        ValueError, match="'a-fault': file.py must contain 'old' once, but contains it 0 times"
    ):
        apply_edits(fault, "nothing")
    with pytest.raises(ValueError, match="contains it 2 times"):
        apply_edits(fault, "old and old")


def test_plant_edits_a_copy_only(tmp_path: Path) -> None:
    """The copy has the fault and the tests, but not this one; the project itself is unchanged."""
    fault = FAULTS[0]
    before = (ROOT / fault.file).read_text(encoding="utf-8")

    copy = plant(fault, tmp_path / "copy")

    edited = (copy / fault.file).read_text(encoding="utf-8")
    assert edited == apply_edits(fault, before)
    assert (ROOT / fault.file).read_text(encoding="utf-8") == before
    assert (copy / "tests" / "faults" / "plant.py").exists()
    assert not (copy / "tests" / "faults" / Path(__file__).name).exists()
    assert (copy / "pyproject.toml").exists()
    assert (copy / "examples").exists()


@pytest.mark.parametrize(
    ("changes", "words", "good"),
    [
        ({}, "caught", True),
        ({"caught": False, "tests": ()}, "survived", False),
        ({"ending": "time-out after 9 s"}, "caught (time-out after 9 s)", True),
        (
            {"ending": "crash by SIGSEGV", "slow": True},
            "caught (crash by SIGSEGV, slow tests)",
            True,
        ),
        ({"caught": False, "problem": "status 4"}, "no verdict, status 4", False),
        ({"name": HEALTHY.name, "caught": False, "tests": ()}, "passed", True),
        ({"name": HEALTHY.name}, "false alarm", False),
        ({"name": HEALTHY.name, "ending": "time-out"}, "false alarm (time-out)", False),
        ({"name": HEALTHY.name, "caught": False, "problem": "x"}, "no verdict, x", False),
    ],
)
def test_verdict_says_how_it_ended(changes: dict[str, object], words: str, good: bool) -> None:
    """A crash counts as caught, and a failure without a fault is a false alarm."""
    assert verdict(**changes).verdict == words
    assert verdict(**changes).as_expected == good


def test_summary_names_the_faults_that_survived() -> None:
    """It counts the caught faults and lists the rest."""
    lines = matrix([verdict(), verdict(name="sly", caught=False, tests=())])

    assert "1 of 2 faults caught" in lines
    assert lines[-1] == "sly: survived (a bug)"
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
        "oracle/test_cells.py",
        "test_conftest.py",
    ]

    assert min(names, key=lambda name: order(Path(name))) == "oracle/test_cells.py"
    assert max(names, key=lambda name: order(Path(name))) == "runs/test_contrast.py"


class FakeTrial:
    """A trial that has ended; the tests of `sly` miss their fault, and other tests notice it."""

    begun: ClassVar[list[tuple[str, str, bool]]] = []

    def __init__(self, fault: Fault, whole: bool, spent: float) -> None:
        self.fault, self.whole, self.spent = fault, whole, spent
        self.begun.append((fault.name, fault.tests, whole))
        self.sentinel, far_end = os.pipe()
        os.close(far_end)

    def seconds_left(self) -> float:
        """Nothing: it has ended."""
        return 0.0

    def stop(self) -> Planted:
        """The verdict."""
        os.close(self.sentinel)
        caught = self.fault.name == "open" or (self.fault.name == "sly" and self.whole)
        return verdict(name=self.fault.name, caught=caught, seconds=self.spent + 1)


@pytest.mark.parametrize(
    ("status", "failed", "ending"),
    [
        (0, False, ""),
        (1, True, ""),
        (1, False, "error in a fixture"),
        (2, False, "error outside a test"),
        (3, True, "error outside a test"),
        (4, False, ""),
        (-11, False, "crash by SIGSEGV"),
    ],
)
def test_ending_is_named_unless_a_test_failed(status: int, failed: bool, ending: str) -> None:
    """Wrong options, with the status 4, are neither a catch nor a pass."""
    assert ending_of(status, failed) == ending


def test_named_tests_run_first_and_others_if_these_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault without tests of its own is looked for by all; healthy code passes all of them."""
    monkeypatch.setattr(faults, "Trial", FakeTrial)
    monkeypatch.setattr(FakeTrial, "begun", [])
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    planted = [Fault("open", "", "a.py b.py"), Fault("sly", "", "slow b.py"), Fault("lost", "")]

    verdicts = {each.name: each for each in faults.judge_all([HEALTHY, *planted], 1, suite=True)}

    assert FakeTrial.begun == [
        ("healthy", "slow b.py", False),
        ("healthy", "slow b.py", True),
        ("open", "a.py b.py", False),
        ("sly", "slow b.py", False),
        ("sly", "slow b.py", True),
        ("lost", "", True),
    ]
    caught = {name: (each.caught, each.seconds) for name, each in verdicts.items()}
    assert caught == {
        "healthy": (False, 2),
        "open": (True, 1),
        "sly": (True, 2),
        "lost": (False, 1),
    }
    assert os.environ["OMP_NUM_THREADS"] == "1"

    FakeTrial.begun.clear()
    assert not next(faults.judge_all([HEALTHY, *planted], 1, suite=False)).caught
    assert FakeTrial.begun[:1] == [("healthy", "slow a.py b.py", False)]


def test_sample_depends_on_the_commit_and_has_quick_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git, it depends on the date."""
    quick = [fault for fault in FAULTS if not fault.slow]
    commits = [Result(0, "a", ""), Result(0, "a", ""), Result(0, "b", ""), Result(128, "", "")]
    monkeypatch.setattr(faults, "run", lambda _: commits.pop(0))

    first, again, other, undated = [faults.sample(FAULTS, len(FAULTS)) for _ in range(4)]

    assert first == again != other
    assert len(quick) < len(FAULTS)
    assert {fault.name for fault in undated} == {fault.name for fault in quick}


def test_resume_takes_verdict_of_same_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is planted, and the file then has all verdicts in the order of the catalogue."""
    names = [fault.name for fault in FAULTS[:2]]
    path = tmp_path / "faults.json"
    planted: list[list[str]] = []

    def judge_all(wanted: Sequence[Fault], *_: object) -> Iterator[Planted]:
        planted.append([fault.name for fault in wanted])
        yield from (verdict(name=fault.name) for fault in reversed(wanted))

    monkeypatch.setattr(faults, "judge_all", judge_all)
    command = ["--save", str(path), "--resume"]
    for source, wanted in (("a", names[1:]), ("a", names), ("b", names)):
        monkeypatch.setattr(faults, "digest", lambda source=source: source)
        assert main([*wanted, *command]) == ExitStatus.OK

    assert planted == [names[1:], names[:1], names]
    assert [each["name"] for each in json.loads(path.read_text())["verdicts"]] == names
    path.write_text("[]")
    with pytest.raises(SystemExit):
        main(command)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-fault"], "unknown fault: no-such-fault"),
        (["--jobs", "0"], "must be at least 1, got 0"),
        (["--save", "faults.txt"], "must end in .json, got 'faults.txt'"),
        (["--resume"], "--resume needs --save"),
        (["--docs", "--sample", "2"], "--docs needs all faults, without names and --sample"),
        (["healthy", "--sample", "2"], "names of faults and --sample exclude each other"),
    ],
)
def test_faults_rejects_wrong_options(arguments: list[str], message: str) -> None:
    """The error names what is wrong, and nothing runs."""
    assert_rejected(main, arguments, message)


def test_faults_exits_1_when_a_fault_survives_and_3_when_a_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdicts are printed in either case."""
    fault = FAULTS[0].name
    path = tmp_path / "faults.json"
    monkeypatch.setattr(
        faults, "judge_all", lambda *_: (verdict(name=fault, caught=False) for _ in [0])
    )

    assert main([fault, "--save", str(path)]) == ExitStatus.FINDING
    assert json.loads(path.read_text())["verdicts"][0]["caught"] is False
    monkeypatch.setattr(faults, "judge_all", lambda *_: (verdict(name=fault) for _ in [0]))
    assert main([fault]) == ExitStatus.OK
    monkeypatch.setattr(faults, "save", Mock(side_effect=OSError("disk full")))
    assert main([fault, "--save", str(path)]) == ExitStatus.NOT_WRITTEN
    assert "error: disk full" in capsys.readouterr().err
