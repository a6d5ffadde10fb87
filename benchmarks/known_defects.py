"""The programs in docs/defects, each of which shows a known defect of Paddle."""

from pathlib import Path

from benchmarks.report.defects import KNOWN
from benchmarks.runner import Result, run

PROGRAMS = {path.stem: path for path in sorted(KNOWN.parent.glob("*.py"))}
LIMIT = 120.0  # seconds until a program counts as hanging


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
