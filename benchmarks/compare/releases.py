"""Which release of Paddle changed training, or its cost? python -m benchmarks.releases.

Compares each release with the one before it by instructions, memory, behaviour and known defects,
and lists every change by more than 1%, with what explains it. With --bisect, finds the first
release that differs from the oldest one as the newest does. docs/guides/releases.md has examples.
"""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast, get_args

from packaging.version import Version

from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.behaviour.judge import Kind
from benchmarks.behaviour.own import own_job
from benchmarks.commands.parser import add_origin, add_workload, make_parser
from benchmarks.compare.chain import BISECTION, LINK, smallest_change, text_of
from benchmarks.compare.command import BENCHMARKS, RESULTS, as_folder, folder_name
from benchmarks.compare.command import main as compare
from benchmarks.compare.measures import CANNOT_TELL
from benchmarks.compare.result import Comparison
from benchmarks.environments.paddle import FINAL, VERSION
from benchmarks.interpreters import Origin, SideError, find_interpreter
from benchmarks.known_defects import PROGRAMS, defects_of, has_defect, load
from benchmarks.saved.saved_run import Measure
from benchmarks.workloads.own import WorkloadError
from rnn_core.commands.arguments import any_path, positive_number
from rnn_core.commands.status import ExitStatus
from rnn_core.experiments import EXPERIMENTS
from rnn_core.runtime.messages import complain

# Whole steps, and the first step of a traced model, which traces and compiles.
SELECTED = f"({BENCHMARKS}) or (test_traced and first and static and RNN and B1-T10-H128)"
# Device on which instructions can be counted.
CPU = "cpu"
# Least share of the whole difference that a single cause has, and the inverse of the largest one.
MOST = 0.8

# How far two releases are apart; negative if the second one costs less.
Distance = Callable[[str, str], float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 2: wrong arguments, or two releases could not be compared; 130: Ctrl-C, after which
    the same command continues.
    """
    options = _options(arguments)
    try:
        if not options.versions:
            options.versions = known_releases(options)
        if options.bisect:
            print(bisect(options.versions, distance_by(options.bisect, options)))
            return ExitStatus.OK
        chain = {
            (before, after): compared_if_possible(before, after, options)
            for before, after in pairwise(options.versions)
        }
    except (SideError, WorkloadError, OSError) as error:
        complain(str(error))
        return ExitStatus.WRONG_INPUT
    except KeyboardInterrupt:
        print("Incomplete: the same command continues.")
        return ExitStatus.INTERRUPTED
    print(f"\n{text_of(chain, defects_of(load()))}")
    whole = all(each is not None and each.behaviour for each in chain.values())
    return ExitStatus.OK if whole else ExitStatus.WRONG_INPUT


def compared_if_possible(before: str, after: str, options: argparse.Namespace) -> Comparison | None:
    """Compare two releases; print the error and return None if that fails."""
    try:
        return compared(before, after, options)
    except (SideError, WorkloadError, OSError) as error:
        complain(str(error))
        return None


def compared(
    before: str, after: str, options: argparse.Namespace, expression: str = ""
) -> Comparison:
    """Compare two releases, unless an earlier command has.

    Args:
        before: one release.
        after: the other one.
        options: options of the command.
        expression: selection among the benchmarks; empty for all of them, and behaviour.

    Raises:
        SideError: they could not be compared.
    """
    job, device = options.job, "" if options.device == CPU else options.device
    first = BISECTION if expression else LINK
    details = [device, expression, options.python or "", options.index_url or ""]
    details += [job.experiment, job.content] if job else []  # The file may have changed.
    names = [f"{first}{folder_name(before, after)}", *map(as_folder, details)]
    folder = options.results / "-".join(filter(None, names))
    known = Comparison.saved_in(folder)
    # Anything else may have changed.
    fixed = all(re.fullmatch(VERSION, each) for each in (before, after))
    if fixed and known and not known.unfinished and (known.behaviour or expression):
        return known
    print(f"{before} -> {after}", flush=True)
    measures = measures_on(options.device)
    within = ",".join(f"{name}={100 * smallest_change(name):g}" for name in measures)
    arguments = ["--measure", ",".join(measures), "--within", within]
    arguments += ["--device", options.device, "--resume"]
    arguments += ["--budget", f"{options.budget:g}", "--results", str(folder)]
    if job:
        arguments += ["--workload", job.workload, "--execution", job.execution]
        arguments += ["--steps", f"{job.steps}", "--seed", f"{job.seed}"]
    else:
        arguments += ["-k", f"({SELECTED}) and ({expression})" if expression else SELECTED]
    arguments += ["--no-behaviour"] if expression else []
    with redirect_stdout(StringIO()):  # The tables of all comparisons come at the end, in short.
        status = compare([before, after, *origin_of(options), *arguments])
    if status == ExitStatus.INTERRUPTED:
        raise KeyboardInterrupt
    found = Comparison.saved_in(folder)
    # If the sides have changed since, the comparison is refused, and the old one stays.
    refused = status == ExitStatus.WRONG_INPUT and (expression or found == known)
    if found is None or found.unfinished or refused:
        raise SideError(f"{before} and {after} were not compared: see above")
    return found  # Without behaviour if that could not be compared.


def measures_on(device: str) -> Sequence[Measure]:
    """Return what is compared on a device: only on the CPU can instructions be counted."""
    return ("instructions" if device == CPU else "time", "memory")


def origin_of(options: argparse.Namespace) -> list[str]:
    """Return the options that say where Paddle is installed from."""
    given = {"--python": options.python, "--index-url": options.index_url}
    return [word for name, value in given.items() if value for word in (name, value)]


def known_releases(options: argparse.Namespace) -> list[str]:
    """Return the versions that can be installed: the final ones, or all if one is looked for.

    Raises:
        SideError: the package index cannot be reached, or has fewer than two.
    """
    found = [
        each
        for each in options.origin.versions()
        if (options.bisect or FINAL.fullmatch(each)) and Version(each) >= options.since
    ]
    if len(found) < 2:
        raise SideError(f"at least two releases are needed, got {', '.join(found) or 'none'}")
    return found


def bisect(releases: Sequence[str], distance: Distance) -> str:
    """Find the first release past half of the difference between the oldest and the newest.

    Returns:
        What was found, in words.
    """
    low, high = 0, len(releases) - 1
    whole = distance(releases[low], releases[high])
    if not whole:
        return (
            f"{releases[high]} does not differ from {releases[low]}. Changes between them that "
            "cancel out are not looked for."
        )
    while high - low > 1:
        middle = (low + high) // 2
        past = distance(releases[0], releases[middle]) / whole > 0.5
        low, high = (low, middle) if past else (middle, high)
        where = "past" if past else "not past"
        print(f"{releases[middle]} is {where} half of the difference", flush=True)
    found = f"{releases[high]} is the first release past half of the difference."
    share = distance(releases[low], releases[high]) / whole
    if not MOST <= share <= 1 / MOST:
        found += (
            f" From {releases[low]} to {releases[high]}, it is {share:.0%} of the difference "
            f"between {releases[0]} and {releases[-1]}: another release changed it, too."
        )
    return found


def distance_by(what: str, options: argparse.Namespace) -> Distance:
    """Return how far two releases are apart in a known defect, an experiment or a benchmark.

    Raises:
        SideError: `what` names nothing that can be compared.
    """
    own = options.job is not None
    if what in PROGRAMS and not own:
        return lambda before, after: float(
            _defective(what, before, options) != _defective(what, after, options)
        )
    if what in EXPERIMENTS and not own:
        return lambda before, after: _behaviours_apart(what, before, after, options)
    name, _, expression = what.partition(":")
    if name in measures_on(options.device) and (what == name if own else expression):
        return lambda before, after: _costs_apart(
            compared(before, after, options, expression or name), cast("Measure", name)
        )
    if own:
        names = " or ".join(measures_on(options.device))
        raise SideError(f"--bisect with --workload must be {names}, got {what!r}")
    raise SideError(
        f"--bisect must be one of {', '.join((*EXPERIMENTS, *PROGRAMS))}, or "
        f"{' or '.join(f'{name}:EXPRESSION' for name in measures_on(options.device))}, whose "
        f"expression for -k selects one benchmark; got {what!r}"
    )


def _costs_apart(comparison: Comparison, measure: Measure) -> float:
    results = comparison.results(measure)
    if len(results) != 1:
        names = ", ".join(each.parameters for each, _ in results) or "none"
        raise SideError(f"the expression of --bisect must select one benchmark, got {names}")
    [(benchmark, result)] = results
    if result.verdict == CANNOT_TELL:
        sides = f"{comparison.baseline.name} and {comparison.candidate.name}"
        words = comparison.describe(measure, result)
        raise SideError(f"{sides}: no verdict on {benchmark.parameters}: {words}")
    apart = math.log(result.ratio)
    return apart if abs(apart) > math.log1p(smallest_change(measure)) else 0.0


def _behaviours_apart(
    experiment: str, before: str, after: str, options: argparse.Namespace
) -> float:
    with TemporaryDirectory() as folder:
        [found] = compare_behaviour(
            before, after, Path(folder), experiments=[experiment], origin=options.origin
        )
    return get_args(Kind).index(found.verdict)  # From near to far.


def _defective(name: str, release: str, options: argparse.Namespace) -> bool:
    found = has_defect(find_interpreter(release, options.origin).python, name)
    if found is None:
        raise SideError(f"{name} cannot show on {release} on this machine")
    return found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser("releases", __doc__)
    parser.add_argument(
        "versions", nargs="*", metavar="VERSION", help="releases, the oldest first (default: all)"
    )
    parser.add_argument(
        "--since",
        type=Version,
        default="2.6.2",
        metavar="VERSION",
        help="oldest release (default: 2.6.2)",
    )
    parser.add_argument(
        "--bisect",
        metavar="WHAT",
        help="experiment, known defect, or benchmark (instructions:EXPRESSION, memory:EXPRESSION, "
        "with an expression for -k) whose change to find, over all releases and pre-releases",
    )
    parser.add_argument(
        "--budget",
        type=positive_number,
        default=10.0,
        metavar="MINUTES",
        help="time limit of each comparison of two releases (default: 10)",
    )
    parser.add_argument(
        "--device",
        default=CPU,
        metavar="DEVICE",
        help="cpu, gpu, gpu:N, npu:N, ... (default: cpu); elsewhere than on the CPU, times are "
        "compared instead of instructions",
    )
    parser.add_argument(
        "--results",
        type=any_path,
        default=RESULTS,
        metavar="FOLDER",
        help="folder for the comparisons (default: results/comparisons, in the repository)",
    )
    add_workload(parser, "the built-in benchmarks and the experiments")
    add_origin(parser)
    options = parser.parse_args(arguments)
    if len(options.versions) == 1:
        parser.error(f"at least two releases are needed, got {options.versions[0]}")
    if len(set(options.versions)) < len(options.versions):
        parser.error(f"each release may be given once, got {' '.join(options.versions)}")
    options.origin = Origin(options.python, options.index_url)
    options.job = own_job(parser, options, ("execution", "steps", "seed"))
    return options
