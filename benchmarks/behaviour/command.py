"""Compare how two environments train: python -m benchmarks.behaviour BASELINE CANDIDATE.

Runs the three experiments in both, and reports the first step that differs, by how much, whether
rounding explains it, and which tensor and operator differ first. docs/guides/behaviour.md explains
the verdicts.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.commands.parser import add_sides, make_parser, parse_sides
from benchmarks.interpreters import SideError
from rnn_core.commands.arguments import any_path, key_and_value
from rnn_core.commands.output import write_files
from rnn_core.commands.status import ExitStatus
from rnn_core.config import EAGER, EXECUTIONS
from rnn_core.runtime.files import check_writable, write_json
from rnn_core.runtime.messages import complain

VERDICTS = "verdicts.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: no experiment is different; 1: at least one is; 2: wrong arguments, or the sides could not
    be compared; 3: the verdicts could not be written; 130: Ctrl-C.
    """
    options = parse_sides(_parser(), arguments)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.results or Path(temporary)
            if options.results is not None:
                folder.mkdir(parents=True, exist_ok=True)
                check_writable(folder / VERDICTS)
            verdicts = compare_behaviour(
                options.baseline,
                options.candidate,
                folder,
                executions=EAGER if options.execution == "all" else (options.execution,),
                baseline_env=dict(options.baseline_env),
                candidate_env=dict(options.candidate_env),
                origin=options.origin,
            )
    except (SideError, OSError) as error:
        complain(f"could not compare: {error}")
        return ExitStatus.WRONG_INPUT
    content = [asdict(verdict) for verdict in verdicts]
    path = options.results and options.results / VERDICTS
    status, _ = write_files(("verdicts", path, lambda path: write_json(path, content)))
    print("\n\n".join(verdict.text for verdict in verdicts))
    different = any(verdict.verdict == "different" for verdict in verdicts)
    return status or (ExitStatus.FINDING if different else ExitStatus.OK)


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("behaviour", __doc__)
    add_sides(parser, "or folder of a side in --results")
    for side in ("baseline", "candidate"):
        parser.add_argument(
            f"--{side}-env",
            type=key_and_value,
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help=f"environment variable to set for the {side} (may be repeated)",
        )
    parser.add_argument(
        "--results", type=any_path, metavar="DIR", help="folder for the runs and the verdicts"
    )
    parser.add_argument(
        "--execution",
        choices=(*EXECUTIONS, "all"),
        default="textbook",
        help="implementation of the recurrent layer; all: textbook and kernel (default: textbook)",
    )
    return parser
