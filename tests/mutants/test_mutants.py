"""The page of mutants counts, explains and lists what mutmut found."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnn_core.commands.status import ExitStatus
from tests.mutants import command, run
from tests.mutants.reasons import Reason, read_reasons

# What mutmut writes: the function as it is, and its mutants.
MUTATED = """\
class Sum:
    def xǁSumǁadd__mutmut_orig(self, a, b):
        return a + b
    def xǁSumǁadd__mutmut_1(self, a, b):
        return a - b
    def xǁSumǁadd__mutmut_2(self, a, b):
        return (a
                | b)
"""
SPANS = {"orig": [2, 3], "1": [4, 5], "2": [6, 8]}
DURATIONS = {
    "tests/bench/compare/test_pairs.py::test_slow": 9.0,
    "tests/bench/compare/test_pairs.py::test_quick": 0.1,
    "tests/oracle/test_model.py::test_quick": 0.01,
    "tests/oracle/test_model.py::test_slow": 0.95,
    "tests/core/test_step.py::test_other": 0.0,
    "tests/recorded/test_texts.py::test_texts": 0.9,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two mutants of one function, without reasons for survivors, and a page."""
    source = tmp_path / "mutants" / "rnn_core" / "data" / "sums.py"
    source.parent.mkdir(parents=True)
    source.write_text(MUTATED)
    spans = {f"xǁSumǁadd__mutmut_{name}": span for name, span in SPANS.items()}
    source.with_name("sums.py.spans").write_text(json.dumps({"version": 1, "spans": spans}))
    (tmp_path / "mutants" / "seconds.json").write_text("5400")
    (tmp_path / "mutants.md").write_text("# Mutants\n\nKept.\n\n## Results\n\nReplaced.\n")
    (tmp_path / "conftest.py").write_text("@fixture\ndef gpus():\n    pass\n")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "MUTANTS", tmp_path / "mutants")
    monkeypatch.setattr(command, "DOCUMENT", tmp_path / "mutants.md")
    monkeypatch.setattr(command, "REASONS", ())
    monkeypatch.setattr(command, "version", lambda _: "3.8.1")
    return tmp_path


def write_statuses(project: Path, *statuses: int | None) -> None:
    """Write the statuses of the mutants, as mutmut does."""
    names = [f"rnn_core.data.sums.xǁSumǁadd__mutmut_{n}" for n in range(1, 1 + len(statuses))]
    meta = {"exit_code_by_key": dict(zip(names, statuses, strict=True))}
    (project / "mutants" / "rnn_core" / "data" / "sums.py.meta").write_text(json.dumps(meta))


def table_of(project: Path) -> str:
    """The page without the rules of its tables."""
    return " ".join((project / "mutants.md").read_text().replace(" | ", " ").split())


@pytest.mark.parametrize(
    ("statuses", "row", "exit_status"),
    [
        ((1, 3), "2 2 0 0 0 0 0 0 100.0%", ExitStatus.OK),
        ((1, 2), "2 2 0 0 0 0 0 0 100.0%", ExitStatus.OK),
        ((1, -11), "2 2 0 0 0 0 0 0 100.0%", ExitStatus.OK),  # A crash is noticed.
        ((1, -24), "2 1 1 0 0 0 0 0 100.0%", ExitStatus.OK),
        ((1, 36), "2 1 1 0 0 0 0 0 100.0%", ExitStatus.OK),
        ((34, 1), "2 1 0 0 0 1 0 0 100.0%", ExitStatus.OK),
        ((1, 0), "2 1 0 1 0 0 0 1 50.0%", ExitStatus.FINDING),
        ((33, 1), "2 1 0 0 1 0 0 1 50.0%", ExitStatus.FINDING),
        ((None, 1), "2 1 0 0 0 1 0 0 100.0%", ExitStatus.OK),
        ((None, None), "2 0 0 0 0 2 0 0 not run", ExitStatus.OK),
    ],
)
def test_statuses_of_mutmut_become_a_score(
    project: Path, statuses: tuple[int | None, ...], row: str, exit_status: ExitStatus
) -> None:
    """The page says how many mutants of a package the tests noticed; it needs 95%."""
    write_statuses(project, *statuses)

    assert command.main([]) == exit_status
    assert f"| rnn_core/data {row} |" in table_of(project)


@pytest.mark.parametrize(
    ("equivalent", "row", "exit_status"),
    [
        (True, "2 1 0 1 0 0 1 0 100.0%", ExitStatus.OK),
        (False, "2 1 0 1 0 0 0 0 50.0%", ExitStatus.FINDING),
    ],
)
def test_equivalent_mutants_do_not_count(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    equivalent: bool,
    row: str,
    exit_status: ExitStatus,
) -> None:
    """A reason explains a survivor; only one that does the same as the source is left out."""
    write_statuses(project, 1, 0)
    where = r"rnn_core/data/.*::Sum\.add"
    reasons = (
        Reason(False, "Another line.", where, r"return a", r".*"),
        Reason(equivalent, "Disjoint bits.", where, r"return a \+ b", r"return \(a \| b\)"),
    )
    monkeypatch.setattr(command, "REASONS", reasons)

    assert command.main([]) == exit_status
    assert f"| rnn_core/data {row} |" in table_of(project)
    assert f"{'equivalent: ' * equivalent}Disjoint bits. |" in (project / "mutants.md").read_text()


def test_reason_without_a_pattern_is_refused() -> None:
    """It would explain every mutant, or none."""
    with pytest.raises(ValueError, match="got 'equivalent: Why"):
        read_reasons("Why.\n@ file\n- a\n+\n\nequivalent: Why.\n@ file\n+ a\n")


def test_page_lists_what_is_left_and_keeps_its_introduction(project: Path) -> None:
    """Survivors without a reason, and functions that mutmut leaves out, are named."""
    write_statuses(project, None, 0)

    command.main([])

    text = " ".join((project / "mutants.md").read_text().split())
    assert text.startswith("# Mutants Kept. ## Results 1 of 2 mutants were run by ")
    assert ", in 1.5 hours in all, with Paddle " in text
    row = r"| `rnn_core/data/sums.py` | `Sum.add` | `return a + b` | `return (a \| b)` |"
    assert row in text
    assert "| `conftest.py` | `gpus` |" in text
    assert "Replaced." not in text


def test_retry_forgets_mutants_that_were_not_killed(project: Path) -> None:
    """mutmut runs those without a status."""
    write_statuses(project, 0, 1)
    [meta] = (project / "mutants").rglob("*.meta")

    assert command.main(["--retry"]) == ExitStatus.OK
    assert [*json.loads(meta.read_text())["exit_code_by_key"].values()] == [None, 1]
    assert (project / "mutants.md").read_text().endswith("Replaced.\n")


def test_page_needs_a_run_of_mutmut(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without mutants, the old page stays."""
    with pytest.raises(SystemExit) as ended:
        command.main([])

    assert ended.value.code == ExitStatus.WRONG_INPUT
    assert "has no mutants" in capsys.readouterr().err
    assert (project / "mutants.md").read_text().endswith("Replaced.\n")


@pytest.mark.parametrize(
    ("function", "chosen"),
    [
        # Its own tests come first, and leave time for a few more.
        ("benchmarks.compare.pairs.x_pairs_to_settle", "test_quick test_slow test_texts"),
        ("benchmarks.locks.x_lock_cpu", "test_texts test_quick test_slow"),
        ("rnn_core.step.x_step", "test_other test_texts test_quick test_slow"),
    ],
)
def test_tests_of_the_module_come_first(function: str, chosen: str) -> None:
    """Then recorded outputs, and the quickest ones that call the function, for a limited time."""
    called = [test for test in DURATIONS if "oracle" in test or "recorded" in test]

    tests = run.choose_tests(function, called, DURATIONS)

    assert " ".join(test.partition("::")[2] for test in tests) == chosen


def test_mutants_that_say_nothing_new_are_left_out() -> None:
    """Strings in other cases, and calls without a positional argument."""

    def call(*keywords: str | None) -> Any:
        return SimpleNamespace(args=[SimpleNamespace(keyword=keyword) for keyword in keywords])

    mutants = [call(None, "a", "b"), call("a", "b"), call(None, "a")]
    arguments = run.with_fewer_keywords(lambda _: mutants)

    assert list(run.without_case_changes(lambda _: ["XXAbXX", "ab", "AB"])("Ab")) == ["XXAbXX"]
    assert list(arguments(call(None, "a", "b"))) == [mutants[2]]


# A function, and what each kind of mutant makes of it.
FUNCTION = """\
def f(x):
    try:
        for each in sorted(x, key=len):
            print(each)
    except (ValueError, OSError):
        return [y for y in x if y]
    finally:
        done = abs(x.strip())
    with lock, file as g:
        pass
    with lock:
        if x is None:
            return max(x[1:2])
    for z in y:
        return z
    try:
        return x is not None
    except KeyError:
        return f"{x!r:>3}"
    return x[0] if y and z else x[-1] | y
"""
CHANGES = [
    ("print(each)", "pass"),
    ("sorted(x, key=len)", "list(x)"),
    ("print(each)", "print(each)\n            break"),
    ("for y in x if y]", "for y in x]"),
    ("for y in x if y]", "for y in [*(x)][1:] if y]"),
    ("for y in x if y]", "for y in [*(x)][:-1] if y]"),
    ("in sorted(x, key=len):", "in [*(sorted(x, key=len))][1:]:"),
    ("in sorted(x, key=len):", "in [*(sorted(x, key=len))][:-1]:"),
    ("(ValueError, OSError)", "(OSError,)"),
    ("(ValueError, OSError)", "(ValueError, )"),
    ("done = abs(x.strip())", "pass"),
    ("abs(x.strip())", "(x.strip())"),
    ("x.strip()", "x"),
    ("with lock, file as g", "with file as g"),
    ("with lock:", "if True:"),
    ("if x is None", "if (x is None) and False"),
    ("max(", "min("),
    ("[1:2]", "[:2]"),
    ("[1:2]", "[1:]"),
    ("in y:", "in [*(y)][1:]:"),
    ("in y:", "in [*(y)][:-1]:"),
    ("KeyError", "()"),
    ("!r:>3", "!r"),
    ("!r:>3", ":>3"),
    ("y and z", "(y)"),
    ("y and z", "(z)"),
    ("x[0] if y and z else x[-1] | y", "(x[0])"),
    ("x[0] if y and z else x[-1] | y", "(x[-1] | y)"),
    ("x[-1] | y", "(x[-1])"),
    ("x[-1] | y", "(y)"),
    ("x[0]", "x[-1]"),
    ("x[-1]", "x[0]"),
]


def test_kinds_of_mutants_of_our_own() -> None:
    """Each makes the change that it stands for, and no other."""
    cst = pytest.importorskip("libcst", reason="it comes with mutmut")
    from tests.mutants.kinds import KINDS

    module = cst.parse_module(FUNCTION)
    found: list[str] = []

    class Visitor(cst.CSTVisitor):  # type: ignore[misc,name-defined]
        def on_visit(self, node: Any) -> bool:
            for kind, mutate in KINDS:
                if isinstance(node, kind):
                    found.extend(module.deep_replace(node, each).code for each in mutate(node))
            return True

    module.visit(Visitor())

    assert sorted(found) == sorted(FUNCTION.replace(*change) for change in CHANGES)
