"""Compare how two environments train: python -m benchmarks.behaviour BASELINE CANDIDATE.

Runs the three experiments in both, or a workload of your own, and reports the first step that
differs, by how much, whether rounding explains it, and which tensor and operator or layer differ
first. docs/guides/behaviour.md explains the verdicts.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.own import NotRepeatableError, compare_workload, own_job
from benchmarks.commands.parser import add_sides, add_workload, make_parser, parse_sides
from benchmarks.interpreters import SideError
from benchmarks.workloads.own import OWN_EXECUTIONS
from rnn_core.commands.arguments import any_path, key_and_value, positive_number
from rnn_core.commands.output import write_files
from rnn_core.commands.status import ExitStatus
from rnn_core.config import EAGER, EXECUTIONS
from rnn_core.runtime.files import check_writable, write_json
from rnn_core.runtime.messages import complain

VERDICTS = "verdicts.json"
# Executions of the experiments; all: those that run step by step.
OTHERS = (*EXECUTIONS, "all")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: no experiment is different; 1: at least one is; 2: wrong arguments, or the sides could not
    be compared; 3: the verdicts could not be written; 4: two runs of a workload in one environment
    differ, or rounding alone changes its first step too much; 130: Ctrl-C.
    """
    parser = _parser()
    options = parse_sides(parser, arguments)
    _check_workload(parser, options)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.results or Path(temporary)
            if options.results is not None:
                folder.mkdir(parents=True, exist_ok=True)
                check_writable(folder / VERDICTS)
            verdicts = _compare(options, folder)
    except NotRepeatableError as error:
        complain(str(error))
        return ExitStatus.CANNOT_TELL
    except (SideError, OSError) as error:
        complain(f"could not compare: {error}")
        return ExitStatus.WRONG_INPUT
    content = [asdict(verdict) for verdict in verdicts]
    path = options.results and options.results / VERDICTS
    status, _ = write_files(("verdicts", path, lambda path: write_json(path, content)))
    print("\n\n".join(verdict.text for verdict in verdicts))
    if status == ExitStatus.OK and any(verdict.verdict == "different" for verdict in verdicts):
        return ExitStatus.FINDING
    undecided = any(verdict.undecided for verdict in verdicts)
    return status or (ExitStatus.CANNOT_TELL if undecided else ExitStatus.OK)


def _compare(options: argparse.Namespace, folder: Path) -> list[BehaviourVerdict]:
    """Compare the experiments, or the workload that the options name."""
    baseline, candidate = options.baseline, options.candidate
    given: dict[str, Any] = {
        "baseline_env": dict(options.baseline_env),
        "candidate_env": dict(options.candidate_env),
        "origin": options.origin,
    }
    if options.job is None:
        executions = EAGER if options.execution == "all" else (options.execution,)
        return compare_behaviour(baseline, candidate, folder, executions=executions, **given)
    return [compare_workload(baseline, candidate, folder, options.job, **given)]


def _check_workload(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Add the run of an own workload, or None; refuse options that do not go together."""
    own = options.workload is not None
    options.execution = options.execution or ("eager" if own else "textbook")
    options.job = own_job(parser, options, ("steps", "seed", "device", "budget"))
    allowed = OWN_EXECUTIONS if own else OTHERS
    if options.execution not in allowed:
        what = "a workload" if own else "the experiments"
        parser.error(
            f"--execution must be one of {', '.join(allowed)} for {what}, got {options.execution}"
        )


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
    add_workload(parser, "the experiments", OTHERS)
    parser.add_argument("--device", help="device of --workload (default: cpu)")
    parser.add_argument(
        "--budget",
        type=positive_number,
        metavar="MINUTES",
        help="time limit for --workload: one whose steps take longer is refused (default: 10)",
    )
    return parser
