"""The Valgrind that counts instructions."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from benchmarks.interpreters import Interpreter, SideError
from benchmarks.runner import run
from rnn_core.runtime.messages import complain, printable

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
        raise SideError(f"{program} does not work: {printable(result.last_lines())}")
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


def command_of_valgrind() -> list[str]:
    """Return the first words of a command line that counts, at first switched off.

    The addresses of libraries and memory are not random, if the system allows that: containers may
    refuse.

    Raises:
        SideError: Valgrind cannot be used.
    """
    words = [str(find_valgrind()), "--tool=callgrind", "--instr-atstart=no", "--quiet"]
    setarch = shutil.which("setarch")
    if setarch and run([setarch, "--addr-no-randomize", "true"]).status == 0:
        return [setarch, "--addr-no-randomize", *words]
    complain("addresses stay random here, so that counts vary more from process to process")
    return words
