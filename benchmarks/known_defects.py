"""Known defects of Paddle: the programs that show them, and which versions have them.

docs/defects has a small program for each defect; `python -m tests.known_defects` runs them and
writes what they find.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import ROOT
from benchmarks.runner import Result, run

KNOWN = ROOT / "docs" / "defects" / "defects.json"
PROGRAMS = {path.stem: path for path in sorted(KNOWN.parent.glob("*.py"))}
LIMIT = 120.0  # seconds until a program counts as hanging


class Defect(NamedTuple):
    """One defect.

    Attributes:
        name: short name, and that of its program.
        what: what is wrong.
        there: for each checked version of Paddle, whether it has the defect.
    """

    name: str
    what: str
    there: dict[str, bool]


class Upgrade(NamedTuple):
    """Names of the defects that one of two versions of Paddle has and the other has not."""

    before: str
    after: str
    breaks: list[str]
    mends: list[str]


def load() -> dict[str, Any]:
    """The content of the file: what each defect is, and what each check found."""
    known: dict[str, Any] = json.loads(KNOWN.read_text(encoding="utf-8"))
    return known


def defects_of(known: dict[str, Any]) -> list[Defect]:
    """The table of defects. A version has a defect if a check with any Python found it."""
    defects = [Defect(name, what, {}) for name, what in known["defects"].items()]
    for check in known["checks"]:
        for defect in defects:
            if defect.name in check["there"] + check["gone"]:
                found = defect.name in check["there"]
                before = defect.there.get(check["paddle"], False)
                defect.there[check["paddle"]] = found or before
    return defects


def upgrade(defects: Iterable[Defect], before: str, after: str) -> Upgrade:
    """Compare two versions; a defect that was not checked on both counts as unchanged."""
    found = [(each.name, each.there.get(before), each.there.get(after)) for each in defects]
    breaks = [name for name, old, new in found if (old, new) == (False, True)]
    mends = [name for name, old, new in found if (old, new) == (True, False)]
    return Upgrade(before, after, breaks, mends)


def run_program(python: str | Path, name: str) -> Result:
    """Run the program of a defect with this interpreter."""
    return run([python, "-W", "ignore", PROGRAMS[name]], timeout=LIMIT)


def verdict(result: Result) -> str:
    """Whether a program's end means that the defect is "there", "gone" or "cannot show".

    A crash counts as a defect, and so does a program that does not end. Status 2 means that the
    defect cannot show here. Python's own status after an error is 1, without output.
    """
    if result.timed_out or result.status not in (0, 1, 2):
        return "there"
    if result.status == 1:
        return "there" if result.output else "failed"
    return "cannot show" if result.status else "gone"


def has_defect(python: str | Path, name: str) -> bool | None:
    """Whether an interpreter's Paddle has a defect; None if that cannot show here."""
    return {"there": True, "gone": False}.get(verdict(run_program(python, name)))
