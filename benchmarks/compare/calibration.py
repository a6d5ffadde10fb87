"""How often `benchmarks.compare` is right, here: python -m benchmarks.calibrate.

Sessions compare an interpreter with itself, slowed down on purpose by known shares: after each
timed call the candidate keeps the processor busy for a share of that call's own time. Each
candidate process times every benchmark with every share, so that one session judges all shares,
each as a comparison of its own. The table says how often each verdict was given.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from scipy import stats
from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.commands.common import FINISHED, NOT_WRITTEN, at_least, result_path, table
from benchmarks.compare.command import add_measuring_options, forget, positive
from benchmarks.compare.pairs import Contest, Pair, Pairs, Plan, elapsed, settle
from benchmarks.compare.process import Run, Selection, run_process
from benchmarks.compare.sides import Interpreter, Saved, SideError, find_side
from benchmarks.compare.summary import environment_of
from benchmarks.compare.verdicts import ERROR
from benchmarks.compare.words import CANNOT_TELL, FASTER, SLOWER, WORDS, Word
from benchmarks.measuring.threads import threads_parser
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.files import write_whole

RESULTS = ROOT / "results" / "calibration"
LEVELS = (0.0, 0.05, 0.1, 0.2)
# Of the intervals of rates.
CONFIDENCE = 0.95
READING = """Measured: the median of the ratios. Rate: of slower and faster where nothing is
planted, of slower elsewhere. Its interval (Clopper and Pearson 1934) takes verdicts as independent;
those of one session are not quite. Pairs and minutes: medians until a verdict. A comparison takes
fewer minutes, for its candidate does not time every slowdown."""


@dataclass(frozen=True)
class Case:
    """One benchmark in one session with one planted slowdown: what was said about it.

    Attributes:
        planted: the slowdown; 0.1 is 10%.
        session: its number, from 1 on.
        word: the verdict.
        ratio: that was measured.
        pairs: that the verdict rests on.
        minutes: until then.
    """

    planted: float
    session: int
    word: Word
    ratio: float
    pairs: int
    minutes: float


def main(arguments: Sequence[str] | None = None, run: Run = run_process) -> int:
    """Run the command line and return its exit status.

    0: finished; 2: bad arguments, or a process failed; 3: a file could not be written; 130: Ctrl-C,
    after which --resume goes on.
    """
    options = _options(arguments)
    cases: list[Case] = []
    environment: dict[str, str] = {}
    status: int = FINISHED
    try:
        side = interpreter(options.python)
        folder = options.results or RESULTS
        if options.anew:
            for session in sorted(folder.glob("session-*")):
                forget(session)
        with tqdm(total=options.sessions, unit="session", disable=None, leave=False) as bar:
            for number in range(1, options.sessions + 1):
                pairs = Pairs(
                    plan_of(options, side, number),
                    folder / f"session-{number:03}",
                    options.resume,
                    run,
                )
                budget = 60 * options.budget - elapsed(pairs.done)
                for contests, _ in settle(pairs, budget):
                    still = sum(len(contest.judge.open) for contest in contests)
                    bar.set_postfix_str(f"{len(pairs.done)} pairs, {still} verdicts missing")
                cases += cases_of(number, contests, pairs.done)
                environment = environment_of(pairs.done[0][0])
                bar.update()
    except KeyboardInterrupt:
        status = ExitStatus.INTERRUPTED
    except (SideError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        status = ExitStatus.WRONG_INPUT
    if not cases:
        return status
    found = text(cases, options)
    print(found)
    if status != FINISHED:
        print("\nIncomplete: --resume goes on with the pairs that are finished.")
        return status
    if options.save is not None:
        try:
            with write_whole(options.save) as file:
                file.write(saved(cases, environment, found, options.save.suffix).encode())
        except OSError as error:
            print(f"error: no results: {error}", file=sys.stderr)
            return NOT_WRITTEN
        print(f"\nresults: {options.save}")
    return FINISHED


def interpreter(text: str) -> Interpreter:
    """The side that is compared with itself.

    Raises:
        SideError: it cannot start processes.
    """
    side = find_side(text)
    if isinstance(side, Saved):
        raise SideError(f"a calibration starts processes, and {text} is a saved run")
    return side


def plan_of(options: argparse.Namespace, side: Interpreter, number: int) -> Plan:
    """A session: the side against itself, in an order of its own."""
    return Plan(
        side,
        side,
        Selection(("benchmarks/test_stages.py",), options.benchmarks, options.device),
        options.seconds,
        options.threads,
        options.within,
        options.seed + number,
        options.levels,
    )


def cases_of(session: int, contests: Sequence[Contest], pairs: Sequence[Pair]) -> list[Case]:
    """What a session said about all benchmarks and slowdowns."""
    return [
        Case(
            contest.planted or 0.0,
            session,
            verdict.word,
            verdict.ratio,
            verdict.pairs,
            elapsed(pairs[: verdict.measured]) / 60,
        )
        for contest in contests
        for verdict in contest.all(pairs).values()
    ]


def text(cases: Sequence[Case], options: argparse.Namespace) -> str:
    """The table, and how it was made."""
    sessions = len({case.session for case in cases})
    rows = [
        row(level, [case for case in cases if case.planted == level]) for level in options.levels
    ]
    head = ["planted", "measured", "verdicts", *WORDS, "rate (95% interval)", "pairs", "minutes"]
    return "\n".join(
        [
            f"{sessions} sessions of at most {options.budget:g} minutes, same within "
            f"{100 * options.within:g}%, at most {ERROR:.0%} of the verdicts may be wrong",
            "",
            table(head, rows),
            "",
            READING,
        ]
    )


def row(level: float, cases: Sequence[Case]) -> list[str]:
    """The line of one planted slowdown."""
    found = [case.word for case in cases]
    hits = found.count(SLOWER) + (found.count(FASTER) if level == 0 else 0)
    settled = [case for case in cases if case.word != CANNOT_TELL]
    return [
        f"{100 * level:g}%",
        f"{100 * (median(case.ratio for case in cases if case.pairs) - 1):.1f}%",
        str(len(found)),
        *(str(found.count(word)) for word in WORDS),
        rate(hits, len(found)),
        f"{median(case.pairs for case in settled):g}" if settled else "",
        f"{median(case.minutes for case in settled):.1f}" if settled else "",
    ]


def rate(hits: int, tries: int) -> str:
    """A share and its exact interval: 0.6% (0.0-3.4%)."""
    ends = stats.binomtest(hits, tries).proportion_ci(CONFIDENCE, method="exact")
    return f"{100 * hits / tries:.1f}% ({100 * ends.low:.1f}-{100 * ends.high:.1f}%)"


def saved(cases: Sequence[Case], environment: Mapping[str, str], found: str, suffix: str) -> str:
    """The content of a file of results."""
    if suffix == ".json":
        content: dict[str, Any] = {
            "format": "rnn_core calibration 1",
            "environment": dict(environment),
            "cases": [vars(case) for case in cases],
        }
        return json.dumps(content, indent=1) + "\n"
    facts = [f"- {key}: {value}" for key, value in environment.items() if value]
    return "\n".join([found, "", *facts, ""])


def levels(text: str) -> tuple[float, ...]:
    """A type for argparse: `0,5,10,20`, in percent, each once."""
    try:
        found = tuple(sorted({float(part.removesuffix("%")) / 100 for part in text.split(",")}))
    except ValueError:
        found = ()
    if not found or not all(0 <= level <= 10 for level in found):
        raise argparse.ArgumentTypeError(
            f"must be percents from 0 to 1000, separated by commas, got {text!r}"
        )
    return found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibrate",
        description=__doc__,
        parents=[threads_parser()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="ENV",
        help="interpreter or tox environment of both sides (default: this one)",
    )
    parser.add_argument("--sessions", type=at_least(1), default=20, help="(default: 20)")
    parser.add_argument(
        "--budget",
        type=positive,
        default=10.0,
        metavar="MINUTES",
        help="of each session (default: 10)",
    )
    parser.add_argument(
        "--levels",
        type=levels,
        default=LEVELS,
        metavar="PERCENT,...",
        help="slowdowns to plant (default: 0,5,10,20)",
    )
    parser.add_argument(
        "--save", type=result_path, metavar="FILE", help="write the results (.md or .json)"
    )
    add_measuring_options(parser)
    return parser.parse_args(arguments)
