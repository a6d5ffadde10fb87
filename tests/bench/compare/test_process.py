"""One process of a comparison: its command line, its environment and its file."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ROOT
from benchmarks.compare import process
from benchmarks.compare.process import Job, Selection, count_processes, time_processes
from benchmarks.compare.sides import CrashError
from benchmarks.instructions.functions import Function, Profile, Profiles, functions_file
from benchmarks.instructions.valgrind import command_of_valgrind
from benchmarks.interpreters import Interpreter, SideError
from benchmarks.plugins.sampling import Settings
from benchmarks.runner import Program, run_together
from benchmarks.saved.saved_run import SavedRun
from tests.helpers.bars import Bar
from tests.helpers.fake_processes import FIRST, write_run
from tests.helpers.programs import program

SETTINGS = Settings(seed=7, seconds=0.1)


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[[str], SavedRun]:
    """Return a function that runs a shell script as the interpreter of one process."""

    def run(script: str) -> SavedRun:
        side = Interpreter("env", program(tmp_path / "python", script), Path("/a b"), "1a2b3c4")
        [saved] = time_processes(
            Selection(("benchmarks",), "step", "cpu"), [Job(side, SETTINGS, tmp_path / "1.json")]
        )
        return saved

    return run


def test_process_gets_its_settings_and_leaves_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_script: Callable[[str], SavedRun]
) -> None:
    """The hash seed is the pair's, and the user's own options for pytest are left out.

    The file gets its name only after the process has ended.
    """
    monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")  # It would disable the benchmarks.
    write_run(tmp_path / "made.json", {FIRST: 1e-3})
    found = run_script(
        f'cd "{tmp_path}"; echo "$@" > arguments; env > environment; ls > existing\n'
        'for word in "$@"; do case $word in --benchmark-json=*) '
        'cp made.json "${word#*=}";; esac; done'
    )
    arguments = (tmp_path / "arguments").read_text()
    environment = (tmp_path / "environment").read_text().splitlines()

    assert list(found.benchmarks) == [FIRST]
    assert arguments.startswith("-m pytest benchmarks -p pytest_benchmark.plugin")
    assert " --benchmark-disable-gc " in arguments
    assert "--override-ini=pythonpath='/a b' . " in arguments
    settings = replace(SETTINGS, source="/a b", rnn_core="1a2b3c4")
    sample = Settings.load(arguments.partition("--sample=")[2].partition(" -k step")[0])
    assert sample.begun is not None
    assert replace(sample, begun=None) == settings
    assert "PYTHONHASHSEED=7" in environment
    names = [line.partition("=")[0] for line in environment if line.startswith("PYTEST_")]
    assert names == ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
    assert "1.json" not in (tmp_path / "existing").read_text()
    assert (tmp_path / "1.json").is_file()
    assert not list(tmp_path.glob("*.part"))


# 2 calls of 500 instructions, in callgrind's own notation.
DUMP = """# callgrind format
version: 1
creator: callgrind-3.19.0
desc: Trigger: Client Request: 2 test_stage[step]

positions: line
events: Ir
summary: 0

ob=(1) /lib/libc.so.6
fl=(1) malloc.c
fn=(1) malloc
1 1000

totals: 1000
"""
PROFILE = Profile(
    operators=(), functions=(Function(name="malloc", library="libc.so.6", cost=500.0),)
)

# Writes the dump of a benchmark, as Valgrind does, and then runs the command after its options.
VALGRIND = """
[ "$1" = --version ] && echo valgrind-3.19.0 && exit
echo "$OMP_NUM_THREADS $PYTHONHASHSEED $@ ${{#RNN_CORE_PADDING}}" >> "{folder}/arguments"
while [ "${{1#--}}" != "$1" ]; do
  case $1 in
    --callgrind-out-file=*) to=$(echo "${{1#*=}}" | sed s/%%/%/); cp "{folder}/dump" "$to.1";;
  esac; shift
done
exec "$@"
"""


@pytest.fixture
def valgrind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a stand-in for Valgrind on PATH."""
    program(tmp_path / "bin" / "valgrind", VALGRIND.format(folder=tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    # Valgrind would replace "%p" in a path by the number of the process.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "the %porary"))
    (tmp_path / "the %porary").mkdir()
    (tmp_path / "dump").write_text(DUMP)
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "made.json", {FIRST: 1e-3})
    command_of_valgrind.cache_clear()
    yield tmp_path
    command_of_valgrind.cache_clear()


def jobs_of(folder: Path, *scripts: str) -> list[Job]:
    """Return a job for each script, which runs as an interpreter after it has left its file."""
    leave = (
        f'for word in "$@"; do case $word in --benchmark-json=*) cp "{folder}/made.json" '
        '"${word#*=}";; esac; done'
    )
    return [
        Job(
            Interpreter(f"env{number}", program(folder / f"python{number}", f"{leave}\n{script}")),
            replace(SETTINGS, measure="instructions", seed=number // 2),
            folder / f"{number}.json",
        )
        for number, script in enumerate(scripts)
    ]


def test_counted_processes_leave_results_and_functions(
    valgrind: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each runs under Valgrind, with one thread; its functions lie beside its file.

    The last one ends first. As many run at a time as there are CPUs, on all of them.
    """
    free: list[int] = []

    @contextmanager
    def all_cpus() -> Iterator[int]:
        free.append(7)
        yield 7
        free.clear()

    def run_backwards(
        programs: Sequence[Program], ended: Callable[..., object], most: int, *more: Any
    ) -> None:
        assert [most] == free
        assert {each.folder for each in programs} == {ROOT}
        for number, each in reversed([*enumerate(programs)]):
            run_together([each], lambda _, result, at=number: ended(at, result), most, *more)  # type: ignore[misc]

    monkeypatch.setattr(process, "all_cpus", all_cpus)
    monkeypatch.setattr(process, "run_together", run_backwards)
    monkeypatch.setattr(process, "tqdm", Bar)
    jobs = jobs_of(valgrind, "true", "true", "true")
    found = count_processes(Selection(("benchmarks",), "step", "cpu"), jobs)
    lines = (valgrind / "arguments").read_text()
    arguments = lines.replace("%%", "%").splitlines()

    assert free == []
    assert [[*run.benchmarks] for run in found] == [[FIRST]] * 3
    assert [Path(run.name).stem for run in found] == ["0", "1", "2"]
    assert all(re.match("1 [01] --tool=callgrind ", line) for line in arguments)
    assert lines.count("%") == 3 * (2 + 1)  # Twice for Valgrind, once for the process.
    assert all(re.search(r'--callgrind-out-file=(.+) .*"dumps": "\1"', line) for line in arguments)
    bar = "bar: {'total': 3, 'unit': 'process', 'disable': None, 'leave': False}"
    assert re.fullmatch(f"{re.escape(bar)} .*3 of 3\n", capsys.readouterr().out)
    # Memory lies elsewhere in another pair.
    seeds_and_paddings = {(line[2], line.rpartition(" ")[2]) for line in arguments}
    assert len(seeds_and_paddings) == 2 == len({padding for _, padding in seeds_and_paddings})
    assert len({line.partition("/rnn_core-")[2].split()[0] for line in arguments}) == 3
    for job in jobs:
        functions = Profiles.load(functions_file(job.path))
        assert functions.benchmarks == {"test_stage[step]": PROFILE}
    assert not list((valgrind / "the %porary").iterdir())


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        ("exit 3", CrashError, "env1: the benchmarks' process exited with status 3"),
        ("truncate -s 100 DUMPS/1.1", SideError, "Valgrind's counts cannot be read"),
    ],
)
def test_failed_count_ends_the_other_processes(
    damage: str, error: type[SideError], message: str, valgrind: Path
) -> None:
    """Neither results nor temporary files are left."""
    damage = damage.replace("DUMPS", f'"{valgrind}/the %porary"/rnn_core-*')
    jobs = jobs_of(valgrind, "exec tail -f /dev/null", damage)

    with pytest.raises(error, match=message):
        count_processes(Selection(("benchmarks",), "step", "cpu"), jobs)
    assert not list(valgrind.glob("1.*json"))
    assert not list((valgrind / "the %porary").iterdir())
