"""Transcripts of `python -m benchmarks.compare`, with fake processes, and its files."""

import json
import os
import shutil
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from benchmarks import ROOT
from benchmarks.behaviour.files import OwnJob
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.own import NotRepeatableError
from benchmarks.compare import command, pairs, sides, verdicts
from benchmarks.compare.command import main
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.pairs import Pairs, order, series_of
from benchmarks.compare.process import Job, Selection
from benchmarks.compare.result import Comparison
from benchmarks.compare.sides import CrashError, Saved, find_side
from benchmarks.interpreters import Interpreter, Origin, SideError
from benchmarks.locks import lock_folder
from benchmarks.saved.saved_run import SavedRun
from benchmarks.workloads.own import WorkloadError
from rnn_core.experiments import EXPERIMENTS
from tests.helpers.bars import Bar
from tests.helpers.fake_processes import FIRST, PACE, SECOND, FakeProcesses, interrupt_at, write_run
from tests.helpers.recorded import Printed, ended, help_and_refusals, rounded, transcript
from tests.recorded.conftest import Check

SAME = {FIRST: 1.0, SECOND: 1.0}
SLOWER = {FIRST: 1.2, SECOND: 0.8}
CRASH = CrashError("new: the benchmarks' process was ended by SIGILL:\nin matmul\nlast words")


pytestmark = pytest.mark.usefixtures("one_machine")


def find(text: str, origin: Origin) -> Interpreter:
    """Stand in for `find_interpreter`: "old" and "new" exist, "copy" has another rnn_core."""
    if text not in ("old", "new", "copy (1a2b3c4)"):
        raise SideError(f"{text} is not an interpreter, {origin.python}, {origin.index_url}")
    copy = (Path("/copies/1a2b3c4"), "1a2b3c4") if text.startswith("copy") else ()
    return Interpreter(text, Path("/envs") / text, *copy)


class Session:
    """Runs commands whose processes, experiments and programs are fake, and notes all of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
        self.folder, self.patch, self.compare = folder, monkeypatch, check
        self.lines: list[str] = []
        self.text: list[str] = []
        self.fake = FakeProcesses(SAME)
        self.valgrind = self.behaviour = self.own = ""
        self.printed = Printed()
        monkeypatch.setattr(command, "print", self.printed, raising=False)
        for name in ("find_valgrind", "find_switch"):
            monkeypatch.setattr(command, name, self.find_program)
        monkeypatch.setattr(pairs, "time", SimpleNamespace(monotonic=self.monotonic))
        monkeypatch.setattr(command, "compare_behaviour", self.compare_behaviour)
        monkeypatch.setattr(command, "compare_workload", self.compare_workload)

    def find_program(self, *sides: Sequence[Interpreter]) -> None:
        """Find Valgrind, unless there is none, or the switch of all sides."""
        if self.valgrind and not sides:
            raise SideError(self.valgrind)
        self.text += [f"to count in {[each.name for each in given]}" for given in sides]

    def monotonic(self) -> float:
        """Return the seconds that all processes took, the first pair twice as many."""
        count = len(self.fake.started)
        return PACE.total_seconds() * (count + min(count, 2))

    def compare_behaviour(self, *sides: Any) -> list[BehaviourVerdict]:
        """Return a verdict on each experiment that `behaviour` names, or raise an error."""
        names = [each.name for each in sides[:2]]
        self.text.append(f"behaviour of {names} in {sides[2]}{self.printed.waiting}")
        if self.behaviour == "error":
            raise SideError("the candidate did not train")
        if self.behaviour == "full":
            raise OSError(28, "No space left on device")
        if self.behaviour == "interrupt":
            raise KeyboardInterrupt
        kinds = self.behaviour.split(", ")
        return [verdict(*each) for each in zip(EXPERIMENTS, kinds, strict=False)]

    def compare_workload(self, *sides: Any) -> BehaviourVerdict:
        """Return the verdict on an own workload, or raise an error."""
        names = [each.name for each in sides[:2]]
        self.text.append(f"behaviour of {names} in {sides[2]}: {sides[3]}")
        if self.own == "refused":
            raise SideError("no such layer")
        if self.own == "not repeatable":
            raise NotRepeatableError("two runs differ")
        return verdict("own.py:train", self.own)

    def run(self, line: str, fake: FakeProcesses | None = None, **changes: str) -> None:
        """Run a command with fake processes; its checks of workloads have others."""
        self.fake = fake or FakeProcesses(SAME)
        self.text = []
        vars(self).update({"valgrind": "", "behaviour": "bitwise equal", "own": "bitwise equal"})
        vars(self).update(changes)
        self.patch.setattr(command, "Pairs", partial(Pairs, run=self.fake))
        checks = vars(command)["time_processes"]
        checks.settings.clear()
        found = transcript(main, line)
        self.text += [f"checked for {each.seconds:g} s" for each in checks.settings]
        calls, started = self.text, self.fake.started
        kinds = [each.measure for each in self.fake.settings]
        counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
        self.lines += [found, *(f"- {call}" for call in calls)]
        self.lines += [
            f"- {len(started)} processes, {counts}, from {started[0]}" if started else "-"
        ]
        self.lines[-1] += "\n"

    def check(self) -> None:
        """Compare all that was printed with the recording."""
        self.compare("\n".join(self.lines), {self.folder: "TMP"})


def verdict(name: str, kind: Any) -> BehaviourVerdict:
    """Return a verdict on behaviour."""
    return BehaviourVerdict(name, "textbook", kind, 7, 8, None, None, None, f"{name}: {kind}")


@pytest.fixture
def session(folder: Path, monkeypatch: pytest.MonkeyPatch, check: Check) -> Session:
    """A session in an empty folder, with few resamples."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 2_000)
    monkeypatch.setattr(sides, "find_interpreter", find)
    monkeypatch.setattr(command, "RESULTS", folder / "results")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(command, "tqdm", Bar)
    monkeypatch.setattr(command, "time_processes", FakeProcesses(SAME))
    return Session(folder, monkeypatch, check)


def content(path: Path) -> Any:
    """Return the content of a JSON file, without its date."""
    found = json.loads(path.read_text(encoding="utf-8"))
    found.pop("date", None)
    return rounded(found)


def test_outcomes(session: Session) -> None:
    """Exit statuses and texts: what is worse, better, undecided, disturbed, drifting or crashed."""
    costs: Any = {"instructions": {FIRST: 1.02, SECOND: 0.9}, "memory": {SECOND: 1.1}}
    disturbed = FakeProcesses(SLOWER, drift=0.1, costs=costs)
    disturbed.disturbed = {("0001-baseline", FIRST), ("0003-candidate", SECOND)}
    session.run("old new", disturbed, behaviour="bitwise equal, different")
    folder = session.folder / "results" / "old..new"
    session.lines += [
        *sorted(path.relative_to(folder).as_posix() for path in folder.rglob("0001*")),
        "",
    ]
    session.run(
        "--baseline old --candidate new --results t --measure time --format markdown",
        behaviour="equal within rounding, bitwise equal",
    )
    session.run(
        "old new --results b --measure memory --no-behaviour", FakeProcesses(SAME, costs=costs)
    )
    unknown = FakeProcesses(SAME, costs={"memory": dict.fromkeys(SAME, 0.0)})
    session.run("old new --results u --measure instructions,memory", unknown)
    session.run("old new --results l --budget 0.1 --measure time", behaviour="different")
    session.run("old new --results e --measure memory --budget 0.1", behaviour="error")
    session.run("old new --results f --measure time", FakeProcesses(SLOWER), behaviour="full")
    session.run("old new --results q --measure time --budget 0.1", behaviour="interrupt")
    with session.patch.context() as patch:
        patch.setattr(command, "text_of", Mock(side_effect=BrokenPipeError(32, "Broken pipe")))
        session.run("old new --results p --measure time --budget 0.1")
    session.lines += [f"saved: {content(session.folder / 'p' / 'comparison.json')['courses']}", ""]
    session.run(
        "old new --results n --measure time --lenient --budget 2", FakeProcesses({FIRST: 1.055})
    )
    crash = FakeProcesses(SAME, before=interrupt_at(3, CRASH))
    session.run("old new --results c --measure time,instructions", crash)
    timed = FakeProcesses(SAME, before=interrupt_at(7, CRASH))
    session.run("old new --results x", timed)
    once: list[BaseException] = [CRASH]
    counts = FakeProcesses(
        SAME, before=lambda at: once and at == 8 and interrupt_at(8, once.pop())(8)
    )
    session.run("old new --results d --within instructions=0.01,memory=1", counts)
    once = [OSError(8, "Exec format error", "valgrind")]
    first = FakeProcesses(SAME, before=lambda at: once and interrupt_at(at, once.pop())(at))
    session.run("old new --results k --budget 0.1 --no-behaviour", first)
    errors = [CRASH, KeyboardInterrupt()]
    both = FakeProcesses(SAME, before=lambda at: at == 8 and interrupt_at(8, errors.pop(0))(8))
    session.run("old new --results v --within instructions=0.01 --format markdown", both)
    noisy = FakeProcesses(SAME, noise=0.1)
    session.run("old new --results w --budget 3 --measure instructions,time", noisy)
    unclear = FakeProcesses(SAME)
    unclear.disturbed = {("0001-baseline", FIRST)}
    session.run("old new --results m --budget 0.1 --measure time --no-behaviour", unclear)
    session.run("old new --results g --threads 2 --budget 0.1 --no-behaviour")
    session.run(
        "old new --results h --budget 0.1 --no-behaviour", valgrind="no Valgrind: install it"
    )
    session.run("old new --results i --measure instructions", valgrind="no Valgrind")
    session.run("old new --results j --measure instructions --device gpu:0")
    session.run("old new --results o --measure instructions,time --threads 2")
    session.check()


def test_files(session: Session) -> None:
    """The result and the settings of a comparison, finished and crashed."""
    costs: Any = {"instructions": {FIRST: 1.02}}
    line = "old new --results r --seconds 0.2 --seed 3 -k (a_or_b) --within time=4,memory=1"
    session.run(line, FakeProcesses({FIRST: 1.2, SECOND: 1.0}, costs=costs))
    crash = FakeProcesses(SAME, before=interrupt_at(1, CRASH))
    session.run("old new --results c --measure time", crash)
    found = {
        file: content(session.folder / file)
        for file in ("r/comparison.json", "r/settings.json", "c/comparison.json")
    }
    session.compare(json.dumps(found, indent=1), {session.folder: "TMP"}, ".json")


def test_folders(session: Session) -> None:
    """What continues, what begins again, and what is refused."""
    time = "--measure time --no-behaviour"
    session.run(f"old new {time}", FakeProcesses(SLOWER, before=interrupt_at(6)))
    session.run(f"old new {time} --resume", FakeProcesses(SLOWER))
    session.run(f"old new {time} --resume --threads 2 --within 3 --lenient")
    session.run(f"old new {time}")
    with lock_folder(session.folder / "results" / "old..new"):
        session.run(f"old new {time} --restart")
    session.run(f"old new {time} --resume")
    session.run(f"old new {time} --restart", FakeProcesses(SAME, before=interrupt_at(1)))
    # Both halves of a pair are kept: that of the candidate, then that of the baseline.
    for at, option in ((2, ""), (3, " --resume")):
        half = FakeProcesses(SAME, before=interrupt_at(at))
        session.run(f"old new --results k --measure instructions{option}", half)
    session.run("old new --results k --measure instructions --resume")
    changed = FakeProcesses(SAME)
    changed.changes = {"paddle": "2.5.0"}
    session.run(f"old new {time} --results p --budget 0.1")
    session.run(f"new old {time} --results p --resume")
    (session.folder / "p" / "comparison.json").write_text("{", encoding="utf-8")
    session.run(f"old new {time} --results p --resume", changed)
    session.lines += [f"saved: {Comparison.saved_in(session.folder / 'p') is not None}", ""]
    upgraded = FakeProcesses(SAME)
    # One candidate alone.
    upgraded.before = lambda at: vars(upgraded).update(changes={"numpy": "3"} if at == 4 else {})
    session.run("old new --results q --measure instructions", upgraded)
    session.run("old new --results q --measure instructions --resume --no-behaviour")
    (session.folder / "other").mkdir()
    (session.folder / "other" / "notes.txt").touch()
    for option in ("", " --resume", " --restart"):
        session.run(f"old new {time} --results other{option}")
    session.lines += [*sorted(path.name for path in (session.folder / "other").iterdir()), ""]
    settings = session.folder / "p" / "settings.json"
    known = json.loads(settings.read_text(encoding="utf-8"))
    del known["load"]  # Older files lack it.
    settings.write_text(json.dumps({**known, "older": 1, "seed": 2}), encoding="utf-8")
    session.run(f"old new {time} --results p --resume")
    for text in ("[", "3"):
        settings.write_text(text, encoding="utf-8")
        session.run(f"old new {time} --results p --resume")
    with session.patch.context() as patch:
        patch.setattr(pairs, "read_file", Mock(side_effect=PermissionError(13, "Not permitted")))
        session.run(f"old new {time} --results p --resume")
    with session.patch.context() as patch:
        patch.setattr(shutil, "rmtree", Mock(side_effect=PermissionError(13, "Not permitted")))
        session.run(f"old new {time} --results p --restart")
    locked = FakeProcesses(SAME, before=lambda _: lock_folder(session.folder / "p").__enter__())
    session.run(f"old new {time} --results p --restart --budget 0.1", locked)
    session.run("old gone")
    session.check()


def test_workloads(session: Session) -> None:
    """An own workload: its check, its behaviour, and its share of the budget."""
    (session.folder / "own.py").write_text("one", encoding="utf-8")
    session.patch.setattr(OwnJob, "content", property(lambda _: "digest"))
    own = "old new --workload own.py:train --measure time"
    session.run(f"{own} --seed 3 --steps 7", own="different")
    session.run(f"{own} --seed 3 --steps 7 --resume --no-behaviour", own="error")
    session.run(f"{own} --seed 3 --steps 7 --resume", own="error")
    settings = content(session.folder / "results" / "old..new-own.py-train" / "settings.json")
    session.lines += [*(f"{key}: {value}" for key, value in settings.items()), ""]
    session.run(f"{own} --results n --execution static -k x", own="not repeatable")
    session.run(f"{own} --results n --execution static -k x --resume", own="not repeatable")
    session.run(f"{own} --results n --restart", FakeProcesses(SLOWER), own="not repeatable")
    session.run(f"{own} --results r", own="refused")
    session.lines += [
        f"{n}: {sorted(p.name for p in (session.folder / n).glob('*'))}" for n in "nr"
    ]
    session.run(f"{own} --results m --no-behaviour --budget 1.1")
    session.run(f"{own},memory --results m --no-behaviour --budget 0.5")
    session.run(
        "old new --workload own.py:train --results m --budget 1.7 --measure time,instructions"
    )
    session.run(
        "old new --workload own.py:train --results m --budget 0.7 --measure time,instructions"
    )
    session.patch.setattr(os, "cpu_count", lambda: None)
    for side in ("old", "new"):
        slow = FakeProcesses(SAME)
        slow.steps = {side: 30.0}
        session.patch.setattr(command, "time_processes", slow)
        session.run("old new --workload own.py:train --results s --measure instructions")
    wrong = FakeProcesses(
        SAME, before=interrupt_at(1, CrashError("new: own.py:train: step 2 raised"))
    )
    session.patch.setattr(command, "time_processes", wrong)
    session.run(f"{own} --results m")
    session.patch.setattr(command, "time_processes", FakeProcesses(SAME))
    session.run(f"{own} --results m -k (a_or_b) --device gpu:1")
    session.run(f"{own} --results m -k (a_or_b) --device gpu:1 --resume")
    settings = content(session.folder / "m" / "settings.json")
    session.lines += [*(f"{key}: {value}" for key, value in settings.items()), ""]
    both = f"{own},instructions --results k"
    session.run(f"{both} --no-behaviour --budget 2.2", FakeProcesses(SAME, before=interrupt_at(7)))
    session.run(f"{both} --resume", own="refused")
    session.run(f"{both} --resume", own="different")
    beside = f"{own} --results b -k (a_or_b)"
    session.run(beside, FakeProcesses(SAME, before=interrupt_at(7)), own="different")
    session.run(f"{beside} --resume", behaviour="different")
    once = [CRASH]
    uncounted = FakeProcesses(SAME, before=lambda at: once and interrupt_at(at, once.pop())(at))
    session.run("old new --workload own.py:train --results u --no-behaviour", uncounted)
    session.run("old new --workload own.py:train --results u --resume", own="refused")
    session.lines += [f"{len([*session.folder.glob('u/pairs/*')])} files left", ""]
    (session.folder / "own.py").unlink()
    session.run(own)
    gone = Mock(side_effect=WorkloadError("own.py: no such file"))
    session.patch.setattr(OwnJob, "content", property(gone))
    (session.folder / "own.py").touch()
    session.run(own)
    session.check()


class Copies(FakeProcesses):
    """Processes of which those with another rnn_core crash, and perhaps all."""

    def __init__(self, message: str, everywhere: bool = False) -> None:
        super().__init__(SAME)
        self.message, self.everywhere = message, everywhere

    def __call__(self, selection: Selection, jobs: Sequence[Job]) -> list[SavedRun]:
        """Raise the message."""
        if self.everywhere or jobs[0].interpreter.source != ROOT:
            raise CrashError(self.message)
        return super().__call__(selection, jobs)


def test_copies_of_rnn_core(session: Session) -> None:
    """They are tried before anything is measured; the error of the benchmarks is named."""
    session.patch.setattr(
        command, "find_side", lambda text, _: find(text.replace("_", " "), Origin())
    )
    time = "--measure time --no-behaviour"
    session.run(f"copy_(1a2b3c4) new {time} --budget 0.1")
    session.lines += [*sorted(path.name for path in (session.folder / "results").iterdir()), ""]
    (session.folder / "own.py").touch()
    session.run(f"copy_(1a2b3c4) new {time} --workload own.py:train --results w --budget 1.3")
    for message in (
        "copy: exited:\nE   ImportError: no name LSTM\nFAILED a.py - other",
        "copy: exited:\nFAILED a.py::b - AttributeError: gone",
        "copy: exited:\nERROR: usage",
        "copy: was ended by SIGSEGV",
    ):
        session.patch.setattr(command, "time_processes", Copies(message))
        session.run(f"new copy_(1a2b3c4) {time} --results c")
    session.lines += [*sorted(path.name for path in (session.folder / "c").iterdir()), ""]
    session.patch.setattr(command, "time_processes", Copies("all crash", everywhere=True))
    session.run(f"copy_(1a2b3c4) new {time} --results c")
    session.check()


def test_saved_sides(session: Session) -> None:
    """Saved comparisons are judged again; saved runs have ratios; and what is refused."""
    costs: Any = {"instructions": {FIRST: 1.02}}
    session.run(
        "old new --results r --no-behaviour", FakeProcesses({FIRST: 1.03, SECOND: 1.0}, costs=costs)
    )
    session.run("old new --results i --measure instructions --no-behaviour")
    session.run("old new --results t --measure time --no-behaviour")
    session.lines = []
    for options in (
        "",
        "--within 1%",
        "--within instructions=3 --format markdown",
        "--measure time,instructions --within time=2.95,instructions=1.95 --lenient",
    ):
        session.run(f"r:baseline r:candidate {options}".strip())
    session.run("../here/r:candidate r:baseline --measure memory,time")
    session.run("i:baseline i:candidate --measure time,memory")
    session.run("i:baseline i:candidate --measure time")
    session.run("t:baseline t:candidate --measure instructions")
    for name, benchmarks, changes in (
        ("a", {FIRST: 1e-3, SECOND: 1234.5678}, {}),
        ("b", {SECOND: 3e-3, FIRST: 2e-3, "t.py::new": 1.0}, {}),
        ("second", {"t.py::second": 1e-3}, {}),
        ("nothing", {}, {}),
        ("other", {FIRST: 1e-3}, {"cpu": "Another CPU", "cpu_count": "64"}),
    ):
        write_run(session.folder / f"{name}.json", benchmarks, changes)
    write_run(session.folder / "counted.json", {FIRST: 1.0}, info={FIRST: {"instructions": 9}})
    write_run(
        session.folder / "half.json", {FIRST: 1.0, SECOND: 1.0}, info={FIRST: {"instructions": 9}}
    )
    (session.folder / "broken.json").write_text("{", encoding="utf-8")
    (session.folder / "empty").mkdir()
    shutil.copytree(session.folder / "r", session.folder / "s:1" / "r")
    (session.folder / "link").symlink_to("r")
    session.patch.setenv("HOME", str(session.folder))
    for line in (
        "b.json a.json",
        "~/a.json r:candidate --measure time",
        "~/r:baseline a.json --measure memory",
        "~nobody-here/a.json r:candidate",
        "i:baseline r:candidate",
        "r:baseline s:1/r:candidate",
        "r:baseline link:candidate --measure memory",
        "a.json second.json",
        "a.json nothing.json",
        "a.json half.json --measure memory,time",
        "a.json other.json",
        "a.json new",
        "old a.json",
        "a.json counted.json",
        "a.json none.json",
        "a.json broken.json",
        "a.json r",
        "a.json empty:baseline",
        "a.json gone:baseline",
        "a.json gone --python 3.12 --index-url https://here",
    ):
        session.run(line)
    for name in ("0004-baseline", "0005-candidate"):
        (session.folder / "r" / "pairs" / f"{name}.json").unlink()
    for text in ("r:baseline", "r:candidate"):
        side = find_side(text)
        assert isinstance(side, Saved)
        names = {kind: [Path(run.name).stem for run in runs] for kind, runs in side.runs.items()}
        first = Path(side.first.name).name
        session.lines += [f"{side.name}, {side.comparison}, {names}, first {first}", ""]
    session.check()


def test_options(session: Session) -> None:
    """The help, and every option with wrong values."""
    session.compare(help_and_refusals(main, WRONG, session.patch), {session.folder: "TMP"})


WRONG = """
a
a b c
--baseline a
a --candidate b
a b --within 0
a b --within 100
a b --within time=5,speed=1
a b --within time=5,1
a b --within time=x
a b --measure luck
a b --measure time,
a b --format html
a b --budget -1
a b --budget inf
a b --seconds 0
a b --seed -1
a b --threads 0
a b --resume --restart
a b --steps 9
a b --execution static
a b --workload own
a b --workload own.py:train --steps 0
a b --luck"""


def test_parts(session: Session) -> None:
    """Names of folders, series of measures, selected benchmarks, tolerances and orders."""
    lines = [
        f"{one} {other}: {command.folder_name(one, other)}"
        for one, other in (
            ("old", "new"),
            ("git:main (1a2b3c4)", "working tree (1a2b3c4+changes)"),
            ("a/b c.whl", "ü==1.0+cu12"),
            ("x (1) (2)", "()"),
        )
    ]
    time, counts, memory = MEASURES
    lines += [
        f"{asked} {counted}: {dict(series_of(asked, counted))}"
        for asked in ([time], [counts], [memory], [time, memory], [time, counts], [*MEASURES])
        for counted in (None, True, False)
    ]
    for seed in range(6):
        firsts = "".join(order(seed, at)[0][0] for at in range(24))
        lines += [f"first sides by seed {seed}: {firsts}"]
    lines += [
        f"--within {text}: {command.tolerances(text)}"
        for text in ("5", "5%", "0.5", "time=1", "memory=2%,time=3", "memory=1,memory=2")
    ]
    errors = ""
    for (asked, device, count), session.valgrind in product(
        [
            *((None, "cpu", 1), (None, "gpu:0", 1), (None, "cpu", 2), ([time], "npu", 2)),
            *(([counts], "cpu", 1), ([time, counts], "gpu:0", 1), ([counts, memory], "cpu", 2)),
        ],
        ("", "no Valgrind"),
    ):
        found = ended(command.choose_measures, asked, device, count)
        text = f"refused: {found.error}" if found.error else [*found.value]
        lines.append(f"{asked} on {device} with {count}, {session.valgrind}: {text}")
        errors += found.err
    lines += errors.splitlines()
    session.lines += lines
    session.check()
