"""What every command does: its statuses after signals, errors and lost output."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnn_core.commands import program
from rnn_core.commands.program import run_program
from rnn_core.runtime import files, interrupts
from tests import ROOT

Main = Callable[[], int]
StatusOf = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore what a command changes in its process."""
    before = {number: signal.getsignal(number) for number in interrupts.SIGNALS}
    for number in before:  # A process in the background ignores SIGINT.
        signal.signal(number, signal.SIG_DFL)
    monkeypatch.setattr(interrupts, "_received", None)
    monkeypatch.setattr(files, "_any_written", False)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def status_of(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> StatusOf:
    """A function that runs a `main` as a command, and returns its status and its error output."""

    def run(
        main: Main, before: int | None = None, missing: ImportError | None = None
    ) -> tuple[int, str]:
        monkeypatch.setitem(sys.modules, "some_command", SimpleNamespace(main=main))
        begun: list[object] = []

        def prepare() -> None:
            begun.append("prepare")
            if before is not None:
                signal.raise_signal(before)

        def import_paddle() -> None:
            begun.append("import")
            if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
                signal.signal(signal.SIGTERM, print)  # Paddle installs its own handler.
            if missing is not None:
                raise missing

        monkeypatch.setattr(program, "import_paddle", import_paddle)
        with pytest.raises(SystemExit) as ended:
            run_program("some_command", *[] if before is None else [prepare])
        assert begun == (["import"] if before is None else ["prepare", "import"])
        assert {signal.getsignal(number) for number in interrupts.SIGNALS} == {signal.SIG_IGN}
        return int(ended.value.code or 0), capfd.readouterr().err

    return run


def raised(*signals: int, then: int | BaseException = 0) -> Main:
    """A `main` that gets signals, then raises an error or returns a status."""

    def main() -> int:
        for number in signals:
            signal.raise_signal(number)
        if isinstance(then, BaseException):
            raise then
        return then

    return main


def swallowing(main: Main, status: int = 130) -> Main:
    """A `main` that handles KeyboardInterrupt as the measuring commands do."""

    def run() -> int:
        try:
            return main()
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGTERM)  # Launchers repeat it.
            return status

    return run


def swapped(main: Main) -> Main:
    """A `main` in which a library turns KeyboardInterrupt into another error."""

    def run() -> int:
        try:
            return main()
        except KeyboardInterrupt:
            raise OSError("(External)") from None

    return run


def handling() -> int:
    """A `main` that imports a library with its own handler of a signal."""
    signal.signal(signal.SIGTERM, print)
    return 0


CASES: dict[str, tuple[Main, int, str]] = {
    "finished": (raised(), 0, ""),
    "cannot tell": (raised(then=4), 4, ""),
    "wrong options": (raised(then=SystemExit(2)), 2, ""),
    "status of a user": (raised(then=SystemExit(4)), 4, ""),
    "help": (raised(then=SystemExit()), 0, ""),
    "text of a user": (raised(then=SystemExit("no data")), 2, "error: no data"),
    "empty text of a user": (raised(then=SystemExit("")), 2, "error: "),
    "import error": (raised(then=ImportError("no matplotlib")), 2, "error: no matplotlib"),
    "missing module": (raised(then=ModuleNotFoundError("no torch")), 2, "error: no torch"),
    "memory error": (raised(then=MemoryError("no memory")), 2, "error: no memory"),
    "without a text": (raised(then=MemoryError()), 2, "error: MemoryError"),
    "SIGINT": (raised(signal.SIGINT), 130, "interrupted by SIGINT"),
    "SIGTERM": (raised(signal.SIGTERM), 143, "interrupted by SIGTERM"),
    "SIGHUP": (raised(signal.SIGHUP), 129, "interrupted by SIGHUP"),
    "no signal": (raised(then=130), 130, ""),
    "no signal, but its error": (raised(then=KeyboardInterrupt()), 130, ""),
    "SIGINT, handled": (swallowing(raised(signal.SIGINT)), 130, "interrupted by SIGINT"),
    "SIGTERM, handled": (swallowing(raised(signal.SIGTERM)), 143, "interrupted by SIGTERM"),
    "a library's own handler": (handling, 0, ""),
    "SIGINT, but not written": (swallowing(raised(signal.SIGINT), 3), 3, ""),
    "SIGINT, swapped": (swapped(raised(signal.SIGINT)), 130, "interrupted by SIGINT"),
    "SIGTERM, swapped": (swapped(raised(signal.SIGTERM)), 143, "interrupted by SIGTERM"),
}


@pytest.mark.parametrize(("main", "status", "line"), CASES.values(), ids=CASES)
def test_command_ends_with_its_status_and_at_most_one_line(
    main: Main, status: int, line: str, status_of: StatusOf
) -> None:
    """A signal gives the status that shells report, whatever the command makes of it."""
    assert status_of(main) == (status, f"{line}\n" if line else "")


def test_signal_before_the_import_waits_for_its_end(status_of: StatusOf) -> None:
    """The command does not begin."""
    begun = raised(then=AssertionError("begun"))

    for missing in (None, ImportError("no Paddle")):
        assert status_of(begun, signal.SIGINT, missing) == (130, "interrupted by SIGINT\n")


def test_unexpected_error_is_not_a_finding(status_of: StatusOf) -> None:
    """Its traceback is shown, and the status is not 1."""
    for kind in (ValueError, OSError):
        status, error = status_of(raised(then=kind("a bug")))

        assert status == 2
        assert error.startswith("Traceback")
        assert "raise then\n" in error
        assert error.endswith(f"{kind.__name__}: a bug\n")


def test_every_command_is_run_in_the_same_way() -> None:
    """Only the workers that commands start, this file and mutmut have another main part.

    Each names a module that has a `main`.
    """
    entry = re.compile(
        r'if __name__ == "__main__":\n(?:.*\n)*?    run(?:_program)?\((?:"([\w.]+)")?'
    )
    found = {
        str(path.relative_to(ROOT)): entry.search(text)
        for package in ("rnn_core", "benchmarks", "tests")
        for path in (ROOT / package).rglob("*.py")
        if 'if __name__ == "__main__":' in (text := path.read_text(encoding="utf-8"))
    }
    others = {name for name, match in found.items() if match is None}
    for match in found.values():
        if match is not None and match[1] is not None:
            spec = find_spec(match[1])
            assert spec is not None
            assert "\ndef main(" in Path(str(spec.origin)).read_text(encoding="utf-8")

    assert others == {
        "benchmarks/behaviour/worker.py",
        "tests/helpers/parallel_worker.py",
        "tests/core/commands/test_program.py",
        "tests/mutants/run.py",
    }


@pytest.mark.slow
def test_signals_at_random_moments_end_a_command() -> None:
    """`python -m tests.signals` sends many signals to every command."""
    command = [sys.executable, "-m", "tests.signals", "--count", "2", "rnn_core", "list"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")
    assert "SIGTERM  rnn_core list: " in result.stdout


def test_ignored_signals_stay_ignored(status_of: StatusOf) -> None:
    """`nohup` ignores SIGHUP, and a shell ignores SIGINT for a program in the background."""
    for number in interrupts.SIGNALS:
        signal.signal(number, signal.SIG_IGN)

    assert status_of(raised(*interrupts.SIGNALS)) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("returned", "written", "status"),
    [(0, False, 3), (0, True, 0), (1, False, 1), (SystemExit(), False, 3)],  # --help raises it.
)
def test_status_is_3_when_printed_text_is_all_and_is_lost(
    returned: int | SystemExit,
    written: bool,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status_of: StatusOf,
) -> None:
    """A result in a file or in the status is not lost."""

    def main() -> int:
        if written:
            with files.write_whole(tmp_path / "result"):
                pass
        print("42")
        return raised(then=returned)()

    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - as a shell does
        monkeypatch.setattr(sys, "stdout", full)
        found = status_of(main)

    message = "error: cannot print: [Errno 28] No space left on device\n"
    assert found == (status, message if status == 3 else "")
