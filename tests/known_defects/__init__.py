"""Check Paddle's known defects: `python -m tests.known_defects PYTHON...`.

Each interpreter runs the programs in docs/defects. What they find replaces what was known of the
same Paddle, Python and NumPy in docs/defects/defects.json, and the tables of
docs/measurements/paddle-defects.md are written again. The exit status is 1 if a program itself
fails.
"""

import argparse
import ast
import json
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.known_defects import KNOWN, PROGRAMS, defects_of, load, run_program, verdict
from benchmarks.runner import run
from benchmarks.text import table
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.environment import cpu_model
from rnn_core.runtime.files import write_text
from tests import ROOT

PAGE = ROOT / "docs" / "measurements" / "paddle-defects.md"
ENVIRONMENT = ("paddle", "python", "numpy")
VERSIONS = (
    "import json, platform; from importlib.metadata import version;"
    "print(json.dumps([version('paddlepaddle'), platform.python_version(), version('numpy')]))"
)


def tables(known: dict[str, Any]) -> list[str]:
    """The tables of the page: what each version has, and where it was checked."""
    versions = list(dict.fromkeys(check["paddle"] for check in known["checks"]))
    marks = {True: "yes", False: "no", None: ""}
    rows = [
        [
            f"[`{d.name}`](../defects/{d.name}.py)",
            d.what,
            *(marks[d.there.get(v)] for v in versions),
        ]
        for d in defects_of(known)
    ]
    places = [[check[key] for key in (*ENVIRONMENT, "cpu", "date")] for check in known["checks"]]
    return [
        table(["defect", "what is wrong", *versions], rows),
        table(["Paddle", "Python", "NumPy", "CPU", "date"], places),
    ]


def summary(program: Path) -> str:
    """The first paragraph of a program's docstring, in one line."""
    text = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def check(python: str) -> dict[str, Any]:
    """Run all programs with this interpreter, print what they find, and return it."""
    versions = json.loads(run([python, "-c", VERSIONS]).output)
    found: dict[str, list[str]] = {"there": [], "gone": [], "cannot show": [], "failed": []}
    for name in PROGRAMS:
        result = run_program(python, name)
        ends = verdict(result)
        found[ends].append(name)
        says = "did not end" if result.timed_out else result.ending
        if result.output and ends != "failed" and result.status in (0, 1, 2):
            says = result.output.strip().splitlines()[-1]
        print(f"{versions[0]}  {name:28} {ends:11} {says}", flush=True)
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    del found["cannot show"]
    return {
        **dict(zip(ENVIRONMENT, versions, strict=True)),
        "cpu": cpu_model(),
        "date": today,
        **found,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.known_defects", description=__doc__)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="interpreters with Paddle")
    checks = [check(python) for python in parser.parse_args(arguments).pythons]
    failed = [name for found in checks for name in found.pop("failed")]
    kept = [found for found in load()["checks"] if _place(found) not in map(_place, checks)]
    known = {
        "defects": {name: summary(program) for name, program in PROGRAMS.items()},
        "checks": sorted([*kept, *checks], key=_place),
    }
    write_text(KNOWN, json.dumps(known, indent=1) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    for text in tables(known):
        page = re.sub(
            rf"^{re.escape(text[:8])}.*?\n\n", f"{text}\n\n", page, count=1, flags=re.M | re.S
        )
    write_text(PAGE, page)
    return ExitStatus.FINDING if failed else ExitStatus.OK


def _place(check: dict[str, Any]) -> list[list[int]]:
    """The versions of a check, in the order of the tables."""
    return [[int(part) for part in check[key].split(".")] for key in ENVIRONMENT]
