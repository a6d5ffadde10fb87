"""The Valgrind that counts instructions."""

import re
import shutil
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from benchmarks.interpreters import Interpreter, SideError
from benchmarks.runner import run
from rnn_core.runtime.messages import complain

OLDEST = (3, 19)
# The compiled module that talks to Valgrind.
SWITCH = "pytest_codspeed.instruments.hooks.dist_instrument_hooks"
INSTALL = "install it, for instance with `apt install valgrind`, or measure time only"


def find_valgrind() -> Path:
    """Return the program `valgrind` on PATH.

    Raises:
        SideError: it is missing, too old, or does not start; the message says how to install it.
    """
    program = shutil.which("valgrind")
    if program is None:
        raise SideError(f"instructions are counted by Valgrind, which is not on PATH: {INSTALL}")
    try:
        result = run([program, "--version"])
    except OSError as error:
        raise SideError(f"{program} cannot be started: {error}") from error
    found = re.search(r"valgrind-(\d+)\.(\d+)", result.output)
    if result.status or found is None:
        raise SideError(f"{program} does not work: {result.last_lines()}")
    if (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise SideError(f"{program} must be at least {oldest}, got {found[1]}.{found[2]}")
    return Path(program)


def find_switch(interpreters: Iterable[Interpreter]) -> None:
    """Raise SideError unless each interpreter has the module that switches counting on and off."""
    for each in interpreters:
        if run([each.python, "-c", f"import {SWITCH}"]).status:
            raise SideError(
                f"instructions are counted with the package pytest-codspeed, which {each.name} "
                "lacks: install it there, or measure time only"
            )


@cache
def command_of_valgrind() -> Sequence[str]:
    """Return the first words of a command line that counts, at first switched off.

    Where the system allows it, the addresses of libraries and memory are not random (containers may
    refuse), and Valgrind ends when this process is killed.

    Raises:
        SideError: Valgrind cannot be used.
    """
    words = [str(find_valgrind()), "--tool=callgrind", "--instr-atstart=no", "--quiet"]
    for name, *options in (("setarch", "--addr-no-randomize"), ("setpriv", "--pdeathsig", "KILL")):
        program = shutil.which(name)
        if program and run([program, *options, "true"]).status == 0:
            words = [program, *options, *words]
        elif name == "setarch":
            text = "addresses stay random here, so that counts vary more between processes"
            complain(text, kind="note")
    return words
