"""Two environments compared, with a verdict for each benchmark: python -m benchmarks.compare.

Fresh processes of both sides take turns until every benchmark has a verdict or the budget ends.
docs/comparing.md says how to read the verdicts.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.commands.common import at_least
from benchmarks.compare.pairs import Contest, Pairs, Plan, contests_of, settle
from benchmarks.compare.process import Selection
from benchmarks.compare.result import FILE, Comparison, Outcome
from benchmarks.compare.sides import CrashError, Interpreter, Saved, SideError, find_side
from benchmarks.compare.summary import summarise
from benchmarks.compare.text import behaviour_text, text_of, unpaired
from benchmarks.measuring.threads import threads_parser
from benchmarks.saved.baseline import obstacles
from rnn_core.commands.status import ExitStatus

RESULTS = ROOT / "results" / "comparisons"
BAR = "{percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} benchmarks settled{postfix}"
# Whole steps at the notebook's shape: all cells and implementations.
BENCHMARKS = "test_stage and step and B1-T10-H128"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: nothing is slower; 1: something is slower, or trains differently; 2: wrong arguments, or a
    side that is missing or fails; 4: not one verdict; 130: Ctrl-C.
    """
    options = _options(arguments)
    try:
        baseline, candidate = find_side(options.baseline), find_side(options.candidate)
        if isinstance(baseline, Saved) or isinstance(candidate, Saved):
            return compare_saved(baseline, candidate, options.within)
        folder = options.results or RESULTS / f"{baseline.name}..{candidate.name}"
        if options.anew:
            forget(folder)
        plan = Plan(
            baseline,
            candidate,
            Selection(("benchmarks",), options.benchmarks, options.device),
            options.seconds,
            options.threads,
            options.within,
            options.seed,
        )
        pairs = Pairs(plan, folder, options.resume)
        return compare(pairs, 60 * options.budget, options.behaviour)
    except (SideError, OSError) as error:
        print(f"error: could not compare: {error}", file=sys.stderr)
        return ExitStatus.WRONG_INPUT
    except KeyboardInterrupt:
        print("Interrupted: --resume goes on with the pairs that are finished.", file=sys.stderr)
        return ExitStatus.INTERRUPTED


def compare(pairs: Pairs, budget: float, behaviour: bool) -> int:
    """Measure, judge, keep and print; give the exit status.

    The file of results is there from the first pair on, so that whoever kills the process has it.
    """
    plan = pairs.plan
    names = (plan.baseline.name, plan.candidate.name)
    contest: Contest | None = None
    behaviours = kept_behaviours(pairs.folder)

    def found(outcome: Outcome, error: str = "") -> Comparison:
        result = summarise(pairs.done, contest, names, plan.within, outcome, behaviours, error)
        result.save(pairs.folder)
        return result

    try:
        with tqdm(unit="benchmark", disable=None, leave=False, bar_format=BAR) as bar:
            for [contest], left in settle(pairs, budget):
                bar.total = len(contest.judge.names)
                bar.n = bar.total - len(contest.judge.open)
                bar.set_postfix_str(f"{len(pairs.done)} pairs, {left / 60:.1f} minutes left")
                found("interrupted")
    except KeyboardInterrupt:
        if contest is not None:
            print(text_of(found("interrupted")))
        raise
    except CrashError as error:
        found("crashed", str(error))
        raise
    assert contest is not None
    outcome: Outcome = "out of time" if contest.judge.open else "settled"
    result = found(outcome)
    print(text_of(result), flush=True)
    if behaviour:
        try:
            behaviours = compare_behaviours(plan, pairs.folder)
        except SideError as error:
            print(f"error: could not compare behaviour: {error}", file=sys.stderr)
            return result.status if result.status == ExitStatus.FINDING else ExitStatus.WRONG_INPUT
        result = found(outcome)
        print(behaviour_text(behaviours))
    print(f"\nresults: {pairs.folder}")
    return result.status


def kept_behaviours(folder: Path) -> Sequence[BehaviourVerdict]:
    """The verdicts on the experiments from before this comparison was resumed."""
    try:
        return Comparison.load(folder / FILE).behaviour
    except (OSError, ValueError):
        return ()


def compare_behaviours(plan: Plan, folder: Path) -> Sequence[BehaviourVerdict]:
    """How the three experiments differ between the two interpreters.

    Raises:
        SideError: they could not be compared.
    """
    from benchmarks.behaviour.command import BehaviourError, compare_behaviour

    kept = folder / "behaviour"
    kept.mkdir(exist_ok=True)
    try:
        return compare_behaviour(plan.baseline.python, plan.candidate.python, kept)
    except BehaviourError as error:
        raise SideError(str(error)) from error


def compare_saved(
    baseline: Interpreter | Saved, candidate: Interpreter | Saved, within: float
) -> int:
    """Judge the pairs of a saved comparison once more, or say why saved runs give no verdict.

    Raises:
        SideError: the two sides cannot be compared.
    """
    if not (isinstance(baseline, Saved) and isinstance(candidate, Saved)):
        raise SideError(
            "a saved run was measured at another time than fresh processes would be, and in "
            "between the machine's pace changes by more than most regressions. Give two "
            "interpreters or tox environments, to measure both sides now"
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
    result = summarise(
        pairs,
        contest,
        (baseline.name, candidate.name),
        within,
        "out of time" if contest.judge.open else "settled",
    )
    print(text_of(result))
    print("Behaviour is not compared: saved runs have no interpreter that could train.")
    return result.status


def forget(folder: Path) -> None:
    """Remove a comparison.

    Raises:
        SideError: the folder holds something else.
    """
    if not folder.exists():
        return
    if not (folder / "settings.json").is_file():
        raise SideError(f"{folder} is not removed: it holds no comparison")
    shutil.rmtree(folder)


def percent(text: str) -> float:
    """A type for argparse: `5`, `5%` and `2.5` are percents, more than 0 and less than 100."""
    try:
        value = float(text.removesuffix("%")) / 100
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be more than 0% and less than 100%, got {text!r}")
    return value


def positive(text: str) -> float:
    """A type for argparse: a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return value


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    """What `compare` and `calibrate` share."""
    parser.add_argument(
        "-k",
        "--benchmarks",
        default=BENCHMARKS,
        metavar="EXPRESSION",
        help="which benchmarks, as pytest's -k takes it (default: %(default)r)",
    )
    parser.add_argument(
        "--device", default="cpu", metavar="cpu|gpu|gpu:N", help="to run on (default: cpu)"
    )
    parser.add_argument(
        "--within",
        type=percent,
        default=0.05,
        metavar="PERCENT",
        help="what counts as the same (default: 5)",
    )
    parser.add_argument(
        "--seconds",
        type=positive,
        default=0.1,
        help="of timing, for each benchmark in each process (default: %(default)s)",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="of all orders (default: 0)")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="where to keep the pairs")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the pairs that are there")
    again.add_argument("--anew", action="store_true", help="remove what is there, and begin again")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        parents=[threads_parser()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sides", nargs="*", metavar="ENV", help="baseline and candidate, in short")
    parser.add_argument(
        "--baseline",
        metavar="ENV",
        help="a Python interpreter, a tox environment (paddle30), a saved run (FILE.json), or a "
        "side of a saved comparison (FOLDER:baseline)",
    )
    parser.add_argument("--candidate", metavar="ENV", help="what is compared with it")
    parser.add_argument(
        "--budget",
        type=positive,
        default=10.0,
        metavar="MINUTES",
        help="after which no pair begins (default: 10)",
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
