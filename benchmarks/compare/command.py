"""Compare the speed and the training of two environments: python -m benchmarks.compare.

Fresh processes of both sides take turns until every benchmark has a verdict or the budget is spent.
docs/guides/comparing.md explains the verdicts.
"""

import argparse
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.commands.parser import make_parser
from benchmarks.compare.pairs import Contest, Pairs, Plan, contests_of, settle
from benchmarks.compare.process import Job, time_processes
from benchmarks.compare.result import FILE, Comparison, Outcome
from benchmarks.compare.sides import CrashError, Saved, SideError, find_side
from benchmarks.compare.summary import summarise
from benchmarks.compare.text import behaviour_text, text_of, unpaired
from benchmarks.interpreters import Interpreter
from benchmarks.locks import LOCK, lock_folder
from benchmarks.plugins.sampling import Settings
from benchmarks.saved.baseline import obstacles
from rnn_core.commands.arguments import any_path, percentage, positive_number, seed
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.messages import complain

RESULTS = ROOT / "results" / "comparisons"
BAR = "{percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} benchmarks settled{postfix}"
# The line of pytest's output that has an error's type and message.
REASON = re.compile(r"^(?:E +|ERROR: |(?:FAILED|ERROR) .+ - )(.+)", re.MULTILINE)
# Whole steps at the notebook's shape, of all cells and implementations.
BENCHMARKS = "test_stage and step and B1-T10-H128"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: nothing is slower; 1: a benchmark is slower, or an experiment trains differently; 2: wrong
    arguments, or a side is missing or fails; 4: nothing is slower, but not every benchmark has a
    verdict; 130: Ctrl-C.
    """
    options = _options(arguments)
    try:
        baseline, candidate = find_side(options.baseline), find_side(options.candidate)
        if isinstance(baseline, Saved) or isinstance(candidate, Saved):
            return compare_saved(baseline, candidate, options.within)
        folder = options.results or RESULTS / folder_name(baseline.name, candidate.name)
        plan = Plan(
            ("benchmarks",),
            options.benchmarks,
            options.device,
            baseline,
            candidate,
            options.seconds,
            options.threads,
            options.within,
            options.seed,
        )
        with lock_folder(folder):
            if options.restart:
                remove_comparison(folder)
            pairs = Pairs(plan, folder, options.resume)
            if not pairs.done:
                check_sources(pairs)
            return compare(pairs, 60 * options.budget, options.behaviour)
    except (SideError, OSError) as error:
        complain(f"could not compare: {error}")
        return ExitStatus.WRONG_INPUT
    except KeyboardInterrupt:
        print("Incomplete: --resume continues with the complete pairs.")
        return ExitStatus.INTERRUPTED


def compare(pairs: Pairs, budget: float, behaviour: bool) -> int:
    """Measure and judge; print and save the result, and return the exit status.

    The result is saved after each pair, so that it survives if this process is killed.

    Args:
        pairs: the pairs, on disk or still to measure.
        budget: time limit in seconds.
        behaviour: whether to compare the three experiments as well.
    """
    plan = pairs.plan
    names = (plan.baseline.name, plan.candidate.name)
    contest: Contest | None = None
    behaviours = saved_behaviours(pairs.folder)

    def save(outcome: Outcome, error: str = "") -> Comparison:
        result = summarise(pairs.done, contest, names, plan.within, outcome, behaviours, error)
        result.save(pairs.folder)
        return result

    try:
        with tqdm(unit="benchmark", disable=None, leave=False, bar_format=BAR) as bar:
            for [contest], left in settle(pairs, budget):
                bar.total = len(contest.judge.names)
                bar.n = bar.total - len(contest.judge.open)
                bar.set_postfix_str(f"{len(pairs.done)} pairs, {left / 60:.1f} minutes left")
                save("interrupted")
    except KeyboardInterrupt:
        if contest is not None:
            print(text_of(save("interrupted")))
        raise
    except CrashError as error:
        save("crashed", str(error))
        raise
    assert contest is not None
    outcome = outcome_of(contest)
    result = save(outcome)
    print(text_of(result), flush=True)
    if behaviour:
        try:
            behaviours = compare_behaviour(
                plan.baseline, plan.candidate, pairs.folder / "behaviour"
            )
        except (SideError, OSError) as error:
            complain(f"could not compare behaviour: {error}")
            return result.status if result.status == ExitStatus.FINDING else ExitStatus.WRONG_INPUT
        result = save(outcome)
        print(behaviour_text(behaviours))
    print(f"\nresults: {pairs.folder}")
    return result.status


def check_sources(pairs: Pairs) -> None:
    """Run the benchmarks briefly with the copies of rnn_core, before anything is measured.

    Raises:
        SideError: the benchmarks of this checkout cannot use the rnn_core of a side.
    """
    path = pairs.folder / "check.json"
    for side in (pairs.plan.baseline, pairs.plan.candidate):
        if side.source == ROOT:
            continue
        try:
            time_processes(pairs.plan, [Job(side, Settings(seed=0, seconds=1e-3), path)])
        except CrashError as error:
            found = REASON.search(str(error))
            if found is None:
                raise
            raise SideError(
                f"{side.name}: the benchmarks of the working tree cannot use its rnn_core: "
                f"{found[1]}"
            ) from error
        path.unlink()


def folder_name(baseline: str, candidate: str) -> str:
    """Return the name of the folder of a comparison, without the commits of its sides."""
    names = (re.sub(r" \(.*\)$", "", name) for name in (baseline, candidate))
    return "..".join(re.sub(r"[^\w.+-]+", "-", name) for name in names)


def outcome_of(contest: Contest) -> Outcome:
    """Return how an uninterrupted comparison ended."""
    return "out of time" if contest.judge.open else "settled"


def saved_behaviours(folder: Path) -> Sequence[BehaviourVerdict]:
    """Return the verdicts on the experiments that were saved before the comparison resumed."""
    try:
        return Comparison.load(folder / FILE).behaviour
    except (OSError, ValueError):
        return ()


def compare_saved(
    baseline: Interpreter | Saved, candidate: Interpreter | Saved, within: float
) -> int:
    """Judge the pairs of a saved comparison again, or say why saved runs give no verdict.

    Raises:
        SideError: the two sides cannot be compared.
    """
    if not (isinstance(baseline, Saved) and isinstance(candidate, Saved)):
        raise SideError(
            "a saved run cannot be compared with an interpreter: between two measurements, the "
            "machine's pace changes by more than most regressions. Give two interpreters or tox "
            "environments, to measure both sides now"
        )
    reasons = obstacles(candidate.runs[0].machine, baseline.runs[0].machine)
    if reasons:
        raise SideError("the saved runs cannot be compared: " + "; ".join(reasons))
    if baseline.comparison is None or baseline.comparison != candidate.comparison:
        print(unpaired(baseline, candidate))
        return ExitStatus.CANNOT_TELL
    pairs = list(zip(baseline.runs, candidate.runs, strict=True))
    [contest] = contests_of(pairs[0], within)
    contest.look(pairs)
    names = (baseline.name, candidate.name)
    result = summarise(pairs, contest, names, within, outcome_of(contest))
    print(text_of(result))
    print("Behaviour is not compared: saved runs have no interpreter that could train.")
    return result.status


def remove_comparison(folder: Path) -> None:
    """Delete the comparison in a folder, which this process has locked.

    Raises:
        SideError: the folder does not hold a comparison.
        OSError: the folder cannot be emptied.
    """
    content = [path for path in folder.iterdir() if path.name != LOCK]
    if content and not (folder / "settings.json").is_file():
        raise SideError(f"{folder} is not removed: it has no comparison")
    for path in content:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `compare` and `calibrate` share."""
    parser.add_argument(
        "-k",
        "--benchmarks",
        default=BENCHMARKS,
        metavar="EXPRESSION",
        help="benchmarks to time, as an expression for pytest's -k (default: %(default)r)",
    )
    parser.add_argument(
        "--device", default="cpu", metavar="cpu|gpu|gpu:N", help="device to run on (default: cpu)"
    )
    parser.add_argument(
        "--within",
        type=percentage,
        default=0.05,
        metavar="PERCENT",
        help="tolerance of the verdict same; 5 stands for ratios from 1/1.05 to 1.05 (default: 5)",
    )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        default=0.1,
        help="time for each benchmark in each process (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        help="random seed for the order of the processes and benchmarks (default: 0)",
    )
    parser.add_argument("--results", type=any_path, metavar="FOLDER", help="folder for the pairs")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument(
        "--resume", action="store_true", help="continue with the pairs in the folder"
    )
    existing.add_argument(
        "--restart", action="store_true", help="delete the pairs in the folder and start again"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser("compare", __doc__, threads=True)
    parser.add_argument(
        "sides", nargs="*", metavar="ENV", help="baseline and candidate, without option names"
    )
    parser.add_argument(
        "--baseline",
        metavar="ENV",
        help="Python interpreter, tox environment (paddle30), revision of rnn_core (git:REV, "
        "git:REV@paddle30; . is the working tree), saved run (FILE.json), or side of a saved "
        "comparison (FOLDER:baseline)",
    )
    parser.add_argument("--candidate", metavar="ENV", help="side to compare with the baseline")
    parser.add_argument(
        "--budget",
        type=positive_number,
        default=10.0,
        metavar="MINUTES",
        help="time limit; no new pair starts after it (default: 10)",
    )
    parser.add_argument(
        "--no-behaviour",
        dest="behaviour",
        action="store_false",
        help="compare times only, not how the three experiments train",
    )
    add_measuring_options(parser)
    options = parser.parse_args(arguments)
    named = [side for side in (options.baseline, options.candidate) if side is not None]
    if len(options.sides) + len(named) != 2 or len(named) == 1:
        parser.error("two sides are needed: BASELINE CANDIDATE, or --baseline ENV --candidate ENV")
    options.baseline, options.candidate = options.sides or named
    return options
