"""The search for Valgrind, and the beginning of its command line."""

from pathlib import Path

import pytest

from benchmarks.instructions.valgrind import command_of_valgrind, find_switch, find_valgrind
from benchmarks.interpreters import Interpreter, SideError
from tests.helpers.programs import program


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "not on PATH: install it, for instance with `apt install valgrind`"),
        ("echo valgrind-3.18.1", r"valgrind must be at least 3\.19, got 3\.18"),
        ("echo valgrind-2.24.0", r"valgrind must be at least 3\.19, got 2\.24"),
        ("echo no libc; exit 1", "valgrind does not work: no libc"),
        ("echo valgrind-4.0.0; exit 1", "valgrind does not work"),
        ("#!/gone/sh", "valgrind cannot be started: .*No such file"),
    ],
)
def test_unusable_valgrind_is_refused(
    script: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says how to install it, or what is wrong with it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if script is not None:
        found = program(tmp_path / "valgrind", script)
        if script.startswith("#!"):
            found.write_text(script)

    with pytest.raises(SideError, match=message):
        find_valgrind()


@pytest.mark.parametrize("missing", ["", "old", "new"])
def test_side_without_the_switch_is_refused(missing: str, tmp_path: Path) -> None:
    """The message names the side."""
    sides = [
        Interpreter(name, program(tmp_path / name, f"test $1 = -c && exit {int(name == missing)}"))
        for name in ("old", "new")
    ]
    if missing:
        with pytest.raises(SideError, match=f"pytest-codspeed, which {missing} lacks: install"):
            find_switch(sides)
    else:
        find_switch(sides)


@pytest.mark.parametrize("allowed", [True, False])
def test_addresses_are_fixed_and_valgrind_ends_with_its_parent_if_allowed(
    allowed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line says if the addresses are not fixed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    valgrind = program(tmp_path / "valgrind", "echo valgrind-3.19.0.GIT")
    script = f"exit {int(not allowed)}"
    setpriv, setarch = (program(tmp_path / name, script) for name in ("setpriv", "setarch"))
    words = command_of_valgrind.__wrapped__()
    expected = [str(valgrind), "--tool=callgrind", "--instr-atstart=no", "--quiet"]

    assert find_valgrind() == valgrind
    before = [str(setpriv), "--pdeathsig", "KILL", str(setarch), "--addr-no-randomize"]
    assert words == (before if allowed else []) + expected
    assert ("addresses stay random" in capsys.readouterr().err) is not allowed
