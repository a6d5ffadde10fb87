"""Output that cannot be written or encoded never ends a program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnn_core.commands.console import Discarding, guard_console
from tests import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")

# Prints beside a file of its own; the exit status is 1 if printing failed. Does not import Paddle,
# which takes seconds.
PROGRAM = """
import os, sys
from rnn_core.commands.console import guard_console

guard_console()
output = guard_console()  # The first one's files are not closed.
assert all(map(os.get_inheritable, range(3))) and sys.stderr.line_buffering
assert "paddle" not in sys.modules
with open(sys.argv[1], "w") as file:
    print("目录\\udcff", flush=True)  # A name that is not UTF-8.
    print("末", file=sys.stderr)
    file.write("kept")
sys.stdout.flush()
sys.exit(output.failure is not None)
"""


@pytest.mark.parametrize(
    ("redirection", "status", "shown"),
    [
        ("", 0, "目录\\udcff\n末\n"),
        (">/dev/full", 1, "末\n"),
        ("2>/dev/full", 0, "目录\\udcff\n"),
        (">&-", 1, "末\n"),
        ("2>&-", 0, "目录\\udcff\n"),
        (">&- 2>&-", 1, ""),
        ("<&- >&- 2>&-", 1, ""),
        ("| true", 0, "末\n"),
    ],
)
def test_bad_output_is_discarded(redirection: str, status: int, shown: str, tmp_path: Path) -> None:
    """The program continues, and no file gets the output; `| head` is not an error."""
    kept = tmp_path / "kept"
    shell = f'set -o pipefail; "$0" "$@" {redirection}'
    command = ["bash", "-c", shell, sys.executable, "-c", PROGRAM, str(kept)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    result = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )

    assert (result.returncode, result.stdout.decode(), kept.read_text()) == (status, shown, "kept")


@pytest.mark.parametrize("redirection", [">/dev/full", "2>/dev/full"])
def test_streams_that_are_guarded_at_exit_do_not_change_the_status(redirection: str) -> None:
    """Otherwise Python ends with 120, since it cannot flush them."""
    program = (
        "import atexit, sys; from rnn_core.commands.console import guard_console; "
        "atexit.register(guard_console); sys.stdout.write('out'); sys.stderr.write('error')"
    )
    command = ["bash", "-c", f'"$0" "$@" {redirection}', sys.executable, "-c", program]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}

    assert subprocess.run(command, env=buffered, check=False).returncode == 0


def test_output_keeps_its_order() -> None:
    """What was printed before the guard comes first."""
    guard = "from rnn_core.commands.console import guard_console; guard_console()"
    code = f"print('a', end=''); {guard}; print('b', flush=True)"
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, check=True)

    assert result.stdout.split() == [b"ab"]


def test_terminal_gets_each_line_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file gets blocks, which takes less time, unless Python does not buffer."""
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    controller, terminal = os.openpty()
    for opened, expected in ((terminal, True), (tmp_path / "file", False)):
        with open(opened, "w", encoding="utf-8") as stream:  # noqa: PTH123
            monkeypatch.setattr(sys, "stdout", stream)
            guard_console()
            assert sys.stdout.line_buffering == expected
            stream.reconfigure(write_through=True)  # As with PYTHONUNBUFFERED.
            monkeypatch.setattr(sys, "stdout", stream)
            guard_console()
            assert sys.stdout.line_buffering
    os.close(controller)


def test_output_that_cannot_be_encoded_is_escaped(tmp_path: Path) -> None:
    """A console of Western Europe shows Chinese as escapes."""
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "kept")]
    result = subprocess.run(command, env=environment, capture_output=True, check=True)

    assert (result.stdout, result.stderr) == (rb"\u76ee\u5f55\udcff" + b"\n", rb"\u672b" + b"\n")


def test_output_that_nobody_reads_in_time_is_discarded() -> None:
    """A pipe may refuse to wait: it takes what fits, and then nothing."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with Discarding(write, "wb") as file:
        written = [file.write(bytes(2**24)) for _ in range(2)]
        assert file.failure is None
        for path in ("/dev/full", os.devnull):
            with Path(path).open("wb") as other:
                os.dup2(other.fileno(), write)
            file.write(b"text")
        assert file.failure is not None  # What was lost stays lost.
    os.close(read)

    assert 0 < written[0] < written[1] == 2**24


RUN = "rnn_core run exploding-rnn --epochs 1 --save {} --plot {}.svg"
STAGE = f"{ROOT}/benchmarks/test_stages.py -k step-RNN-B1-T10-H128-kernel"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "redirection", "status"),
    [
        ("rnn_core list", ">/dev/full", 3),
        ("rnn_core list", ">&-", 3),
        ("rnn_core list", "2>&-", 0),
        ("rnn_core run exploding-rnn --epochs 1", ">/dev/full", 3),
        ("rnn_core run exploding-rnn --epochs 8", ">/dev/full", 1),
        (RUN, ">/dev/full", 0),
        (RUN, ">&- 2>&-", 0),
        (RUN, "| true", 0),
        (RUN, "", 0),
        ("benchmarks.ratios --rounds 3 --cells RNN --shapes B1-T2-H8 --save {}.md", "| true", 0),
        ("benchmarks.report . --output {}.html", "| true", 0),
        ("benchmarks.soak --minutes 1e-6", ">/dev/full 2>&1", 4),
        (f"pytest {STAGE} --benchmark-storage={{}}", "2>/dev/full | true", 0),
    ],
)
def test_commands_keep_their_results_when_output_fails(
    command: str, redirection: str, status: int, tmp_path: Path
) -> None:
    """Files are written, in a folder with a Chinese name too, and no command ends differently."""
    folder = tmp_path / "目录"
    folder.mkdir()
    shell = f'set -o pipefail; "$0" -m {command.replace("{}", "目录/a")} {redirection}'
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(ROOT)}
    (tmp_path / "tests-run.json").write_text("{}", encoding="utf-8")
    result = subprocess.run(
        ["bash", "-c", shell, sys.executable],  # noqa: S607
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )

    assert result.returncode == status
    assert b"Traceback" not in result.stderr
    assert len(list(folder.iterdir())) == command.count("{}")
