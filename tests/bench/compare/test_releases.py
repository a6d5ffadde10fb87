"""The command `python -m benchmarks.releases`: tables, changes and bisection, without processes."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.compare import releases
from benchmarks.compare.chain import defects_of, text_of
from benchmarks.compare.releases import bisect, main
from benchmarks.compare.result import FILE, Comparison
from benchmarks.interpreters import Origin, SideError
from benchmarks.known_defects import Defect
from benchmarks.workloads.own import WorkloadError
from tests.helpers.command_lines import assert_rejected
from tests.helpers.matrix_results import COSTS, counted, link, released, write_json

VERSIONS = [*COSTS]


class FakeCompare:
    """Stands in for `benchmarks.compare`: writes a file, and records what was asked for."""

    def __init__(self, **changes: Any) -> None:
        self.asked: list[Sequence[str]] = []
        self.changes = changes
        self.benchmarks = 2
        self.status: Mapping[str, int] = {}
        self.folders: set[str] = set()

    def __call__(self, arguments: Sequence[str]) -> int:
        """Compare the first two arguments."""
        before, after, *options = arguments
        self.asked.append(arguments)
        if status := self.status.get(after, 0):
            return status
        folder = Path(options[options.index("--results") + 1])
        self.folders.add(folder.name.partition("-")[0])
        found = released(before, after, **self.changes)
        write_json(folder / FILE, {**found, "benchmarks": found["benchmarks"][: self.benchmarks]})
        return 0


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCompare:
    """A stand-in for comparisons, with results in a folder of their own."""
    found = FakeCompare()
    monkeypatch.setattr(releases, "compare", found)
    monkeypatch.setattr(releases, "RESULTS", tmp_path)
    versions = ["2.6.1", "2.6.2", "3.0.0rc1", "3.0.0", "3.1.0rc0", "3.1.0"]
    monkeypatch.setattr(Origin, "versions", lambda _: versions)
    return found


def test_each_release_is_compared_with_the_one_before(
    fake: FakeCompare, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is complete is not measured again; the table has every release."""
    assert main(VERSIONS[:3]) == 0
    assert main(VERSIONS) == 0
    out = capsys.readouterr().out

    assert [tuple(asked[:2]) for asked in fake.asked] == [*pairwise(VERSIONS)]
    assert fake.folders == {"releases"}
    assert "--no-behaviour" not in fake.asked[0]
    assert {"--resume", "instructions,memory"} <= {*fake.asked[0]}
    assert [line.split()[1:] for line in out.splitlines() if "bitwise equal" in line][-1][0] == (
        "3.3.0"
    )


def test_all_final_releases_are_compared_by_default(fake: FakeCompare) -> None:
    """From --since on, with the Python and the index of the options."""
    assert main(["--since", "3.0.0", "--python", "3.12"]) == 0

    assert [asked[:4] for asked in fake.asked] == [["3.0.0", "3.1.0", "--python", "3.12"]]
    assert_rejected(main, ["--since", "3.1.0"], "at least two releases are needed, got 3.1.0")


def test_own_workload_is_compared_again_if_it_changed(fake: FakeCompare, tmp_path: Path) -> None:
    """It is compared instead of the built-in benchmarks, by its whole path, as the options say."""
    path = tmp_path / "own.py"
    settings = ["--execution static", "--steps 7", "--seed 3"]
    for content, *given in [("one",), ("one",), ("two",), *(("two", each) for each in settings)]:
        path.write_text(content)
        assert main([*VERSIONS[:2], "--workload", f"{path}:train", *" ".join(given).split()]) == 0

    assert len(fake.asked) == 5
    assert "-k" not in fake.asked[0]
    first = " ".join(fake.asked[0])
    assert first.endswith(f"--workload {path}:train --execution eager --steps 100 --seed 0")
    assert all(
        each in " ".join(asked) for each, asked in zip(settings, fake.asked[2:], strict=True)
    )
    assert_rejected(main, [*VERSIONS[:2], "--steps", "7"], "--steps needs --workload")


def test_a_failed_comparison_does_not_stop_the_rest(
    fake: FakeCompare, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its row says so, and the status is 2. Ctrl-C stops everything."""
    fake.status = {"3.0.0": 2}
    assert main(VERSIONS[:3]) == 2
    out, err = capsys.readouterr()
    fake.status = {"3.2.0": 130}

    assert len(fake.asked) == 2
    assert "2.6.2 and 3.0.0 were not compared" in err
    assert "| 3.0.0  | not compared" in out
    assert main(VERSIONS) == 130
    assert "Incomplete: the same command continues." in capsys.readouterr().out


@pytest.mark.parametrize("error", [SideError("lost"), WorkloadError("lost"), OSError("lost")])
def test_an_error_does_not_stop_the_rest(
    error: Exception,
    fake: FakeCompare,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All other releases are compared."""
    outcomes: Any = iter([Mock(side_effect=error), fake])
    monkeypatch.setattr(releases, "compare", lambda arguments: next(outcomes)(arguments))

    assert main(VERSIONS[:3]) == 2
    assert capsys.readouterr().err.count("error: lost") == 1
    assert len(fake.asked) == 1


def test_only_a_version_is_always_the_same_paddle(fake: FakeCompare) -> None:
    """Anything else, such as a wheel, is compared again; so is a version for another Python."""
    for _ in range(2):
        main(["3.0.0", "here.whl"])
        main(["3.0.0", "3.1.0"])
        main(["3.0.0", "3.1.0", "--python", "3.12"])

    assert len(fake.asked) == 4


def test_an_old_result_is_not_shown_if_the_comparison_is_refused(
    fake: FakeCompare, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wheel was built again: its pairs cannot be continued, and their result is another one's."""
    assert main(["3.0.0", "here.whl"]) == 0
    fake.status = {"here.whl": 2}

    assert main(["3.0.0", "here.whl"]) == 2
    assert "3.0.0 and here.whl were not compared: see above" in capsys.readouterr().err


def test_costs_are_kept_if_behaviour_cannot_be_compared(
    fake: FakeCompare, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status says that something is missing."""
    fake.changes = {"behaviour": []}

    assert main(VERSIONS[:2]) == 2
    assert "2.6.2 -> 3.0.0: cpu-step-LSTM-B1-T10-H128-paddle 0.9000" in capsys.readouterr().out


@pytest.mark.parametrize("outcome", ["interrupted", "crashed"])
def test_an_unfinished_comparison_is_continued(fake: FakeCompare, outcome: str) -> None:
    """A comparison that is out of time has ended, too."""
    courses = counted()["courses"]
    fake.changes = {"courses": {**courses, "memory": {**courses["memory"], "outcome": outcome}}}
    main(VERSIONS[:2])
    fake.changes = {
        "courses": {**courses, "memory": {**courses["memory"], "outcome": "out of time"}}
    }
    for _ in range(2):
        main(VERSIONS[:2])

    assert len(fake.asked) == 2


def chain(*pairs: tuple[str, str], **changes: Any) -> dict[tuple[str, str], Comparison | None]:
    """Return comparisons as `text_of` takes them."""
    return {pair: link(*pair, **changes) for pair in pairs}


def test_the_text_has_costs_defects_and_changes() -> None:
    """A change by more than 1% is listed with the operators and functions that explain it."""
    defects = [Defect("leak", "", {"3.1.0": False, "3.2.0": True}), Defect("old", "", {})]
    text = text_of(chain(("3.1.0", "3.2.0"), ("3.2.0", "3.3.0")), defects)
    name = "cpu-step-LSTM-B1-T10-H128-paddle"

    other = "cpu-step-RNN-B1-T10-H128-fused"
    head = "| benchmark | 3.1.0 | 3.2.0 | 3.3.0 |\n| | | | |"
    more, less, per = (
        "that cost more, ",
        "that cost less, ",
        "what they call, in thousands per call",
    )
    assert re.sub(" +", " ", re.sub("-{2,}", "", text)) == (
        "| Paddle | trains like the one before | known defects |\n| | | |\n"
        "| 3.2.0 | bitwise equal | breaks leak |\n| 3.3.0 | bitwise equal | not checked |\n\n"
        f"Instruction count, million:\n{head}\n"
        f"| {name} | 3.6 | 4 | 4.01 |\n| {other} | 2 | 2 | 2 |\n\n"
        f"Peak memory, KiB:\n{head}\n"
        f"| {name} | 1953 | 1953 | 1953 |\n| {other} | 1953 | 1953 | 1953 |\n\n"
        f"3.1.0 -> 3.2.0: {name} 1.1111 instructions\n"
        f" operators {more}with {per}: matmul +100.0\n"
        f" functions {more}without {per}: void phi::funcs::{'Long' * 10}Lon +60.4\n"
        f" functions {less}without {per}: free -0.4"
    )
    assert f"2.6.2 -> 3.0.0: {name} 0.9000" in text_of(chain(("2.6.2", "3.0.0")), defects)
    assert text_of(chain(("3.2.0", "3.3.0")), defects).endswith(
        "No change by more than 1% of the instruction count, 1% of the peak memory."
    )


def test_a_change_that_is_not_certain_is_listed_as_such() -> None:
    """Its interval contains 1. So is a comparison that failed."""
    [uncertain, _] = released("3.1.0", "3.2.0")["benchmarks"]
    for each in uncertain["measures"].values():
        each |= {"verdict": "cannot tell", "low": 0.9, "high": 1.2}
    text = text_of(chain(("3.1.0", "3.2.0"), benchmarks=[uncertain]), [])

    name = "cpu-step-LSTM-B1-T10-H128-paddle"
    assert f"3.1.0 -> 3.2.0: {name} instructions: cannot tell: would have detected" in text
    assert "1.1111" not in text
    assert text_of({("3.1.0", "3.2.0"): None}, []).endswith("3.1.0 -> 3.2.0: not compared")


def test_elsewhere_than_on_the_cpu_times_are_compared(fake: FakeCompare) -> None:
    """Instructions cannot be counted there. Each device has its own folder."""
    assert main([*VERSIONS[:2], "--device", "gpu:1"]) == 0
    assert main(VERSIONS[:2]) == 0
    asked = " ".join(fake.asked[0])

    assert "--measure time,memory --within time=5,memory=1 --device gpu:1" in asked
    assert "releases-2.6.2..3.0.0-gpu-1" in asked
    assert len(fake.asked) == 2


def test_different_training_is_described_by_step_and_tensor() -> None:
    """Experiments with the same verdict share the words."""
    same = ("textbook", "bitwise equal", 20, None, 0.0, None, None, "")
    other = ("textbook", "different", 6, 7, 0.5, "h_1", "matmul", "")
    verdicts = [
        vars(BehaviourVerdict(name, *facts))
        for name, facts in (("exploding-rnn", same), ("clipped-rnn", other), ("clipped-lstm", same))
    ]
    text = text_of(chain(("3.1.0", "3.2.0"), behaviour=verdicts), [])

    assert "exploding-rnn, clipped-lstm: bitwise equal" in text
    assert "clipped-rnn: different from step 7 (h_1)" in text


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"3.1.0": False, "3.2.0": True}, "breaks leak"),
        ({"3.1.0": True, "3.2.0": False}, "mends leak"),
        ({"3.1.0": True, "3.2.0": True}, "no change"),
        ({"3.1.0": True}, "not checked"),
        ({"3.2.0": True}, "not checked"),
        ({"3.0.0": False, "3.2.0": True}, "breaks leak (since 3.0.0)"),
        ({"3.0.0": True, "3.1.0": False, "3.2.0": False}, "no change"),
    ],
)
def test_defects_of_a_release_are_those_that_it_changes(
    there: dict[str, bool], expected: str
) -> None:
    """They are those since the newest earlier release that was checked."""
    assert defects_of([Defect("leak", "", there)], ["3.0.0", "3.1.0", "3.2.0"]) == expected


def by(costs: Mapping[str, float], asked: list[str]) -> Callable[[str, str], float]:
    """Return a distance between releases, which records what was asked for."""

    def distance(before: str, after: str) -> float:
        asked.append(after)
        return costs[after] - costs[before]

    return distance


@pytest.mark.parametrize(
    ("costs", "first", "measured"),
    [
        ((0, 0, 0, 0, 1), "e", "ecde"),
        ((0, 1, 1, 1, 1), "b", "ecbb"),
        ((0, 0, 0, 1, 1), "d", "ecdd"),
    ],
)
def test_bisection_finds_the_first_release_past_half(
    costs: Sequence[float], first: str, measured: str
) -> None:
    """It measures the ends, and then half of what is left."""
    asked: list[str] = []
    found = bisect("abcde", by(dict(zip("abcde", costs, strict=True)), asked))

    assert found == f"{first} is the first release past half of the difference."
    assert "".join(asked) == measured


def test_bisection_warns_of_a_second_change() -> None:
    """The one that it found is then less than 80% of the whole."""
    costs = dict(zip("abcde", (0, 0.3, 0.3, 1, 1), strict=True))

    assert bisect("abcde", by(costs, [])).endswith(
        "From c to d, it is 70% of the difference between a and e: another release changed it, too."
    )
    assert "another release" in bisect("abc", by({"a": 0, "b": -0.3, "c": 0.4}, []))
    assert bisect("ae", by({"a": 1, "e": 1}, [])).startswith("e does not differ from a. Changes ")


def test_a_change_in_the_other_direction_is_not_the_one_looked_for() -> None:
    """Costs fell, and then rose further than they had fallen."""
    costs = dict(zip("abcd", (0, -0.4, -0.4, 0.3), strict=True))

    assert bisect("abcd", by(costs, [])).startswith("d is the first release past half")


def test_a_benchmark_is_bisected_by_its_ratio(
    fake: FakeCompare, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both directions count as far; only the selected benchmark is measured."""
    fake.benchmarks = 1
    assert main(["--bisect", "instructions:RNN and textbook", *VERSIONS[1:]]) == 0

    assert "3.2.0 is the first release past half" in capsys.readouterr().out
    assert [tuple(asked[:2]) for asked in fake.asked] == [
        ("3.0.0", "3.3.0"),
        ("3.0.0", "3.1.0"),
        ("3.0.0", "3.2.0"),
        ("3.1.0", "3.2.0"),
    ]
    assert main(["--bisect", "instructions:RNN", "3.2.0", "3.3.0"]) == 0
    assert "3.3.0 does not differ from 3.2.0." in capsys.readouterr().out
    fake.benchmarks = 2
    assert main(["--bisect", "memory:x", "3.0.0", "3.1.0"]) == 2
    assert "must select one benchmark, got cpu-step" in capsys.readouterr().err
    selected = fake.asked[0][fake.asked[0].index("-k") + 1]
    assert selected.endswith(") and (RNN and textbook)")
    assert "--no-behaviour" in fake.asked[0]
    assert fake.folders == {"bisect"}  # The page's releases leave them out.


@pytest.mark.usefixtures("fake")
def test_defects_and_experiments_are_bisected_by_their_own_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A defect may also be mended; a different experiment is farther than one within rounding."""
    monkeypatch.setattr(releases, "find_interpreter", lambda text, _: Path(text))
    monkeypatch.setattr(Path, "python", property(str), raising=False)
    monkeypatch.setattr(releases, "has_defect", lambda python, _: python < "3.1.0")
    verdicts = {"3.0.0": "equal within rounding", "3.1.0": "equal within rounding"}

    def compared(before: str, after: str, *_: Any, **__: Any) -> list[Any]:
        words: Any = verdicts.get(after, "different")
        if before == "3.1.0":
            words = "different"
        return [BehaviourVerdict("", "", words, 1, 1, None, None, None, "")]

    monkeypatch.setattr(releases, "compare_behaviour", compared)
    assert main(["--bisect", "sot-named-tuple", *VERSIONS]) == 0
    assert main(["--bisect", "clipped-rnn", *VERSIONS]) == 0
    out = capsys.readouterr().out

    assert "3.1.0 is the first release past" in out
    assert "3.2.0 is the first release past" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["3.0.0"], "at least two releases are needed, got 3.0.0"),
        (["--bisect", "speed", "3.0.0", "3.1.0"], "--bisect must be one of exploding-rnn"),
        (["--bisect", "instructions:", "3.0.0", "3.1.0"], "got 'instructions:'"),
        (["3.0.0", "3.1.0", "3.0.0"], "each release may be given once, got 3.0.0 3.1.0 3.0.0"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_wrong_options_are_refused(arguments: list[str], message: str) -> None:
    """The message names what is allowed."""
    assert_rejected(main, arguments, message)
