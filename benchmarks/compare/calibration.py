"""How often is `benchmarks.compare` right on this machine? python -m benchmarks.calibrate.

Each session compares an interpreter with itself, with more work planted in the candidate. By time,
the candidate keeps the CPU busy after each timed call, for a fraction of the call's own time. By
instructions, it executes a fraction of the call's own instructions more. A candidate process
measures every benchmark with every level, so that one session judges all levels, each as a
comparison of its own. The table shows how often each verdict was given.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from statistics import median

from scipy import stats
from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.commands.common import results_file
from benchmarks.commands.parser import make_parser
from benchmarks.compare.command import BENCHMARKS, add_measuring_options, remove_comparison
from benchmarks.compare.measures import CANNOT_TELL, MEASURES, Traits, Word
from benchmarks.compare.pairs import (
    Contest,
    Pair,
    Pairs,
    Plan,
    check_countable,
    elapsed,
    settle,
    tolerance,
)
from benchmarks.compare.process import Run
from benchmarks.compare.sides import SideError
from benchmarks.compare.summary import environment_of
from benchmarks.compare.verdicts import ERROR
from benchmarks.interpreters import Interpreter, find_interpreter
from benchmarks.locks import lock_folder
from benchmarks.measuring.threads import all_cpus
from benchmarks.runner import Process
from benchmarks.saved.saved_run import Series
from benchmarks.text import table
from rnn_core.commands.arguments import at_least, percentages, positive_number, writable_path
from rnn_core.commands.output import write_files
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.messages import complain

RESULTS = ROOT / "results" / "calibration"
LEVELS: Mapping[Series, Sequence[float]] = {
    "time": (0.0, 0.05, 0.1, 0.2),
    "instructions": (0.0, 0.005, 0.01, 0.02),
}
# A program that keeps a CPU busy until it is killed, or until its parent has ended.
BUSY = """import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""
# Confidence level of the intervals of the rates.
CONFIDENCE = 0.95
EXPLANATION = """Measured: the median of the ratios. Rate: the share of the verdicts {worse} and
{better} if nothing is planted, of {worse} otherwise. Its interval (Clopper and Pearson 1934)
assumes independent verdicts; those of one session are slightly dependent. Pairs and minutes:
medians until a verdict. A comparison takes fewer minutes, because its candidate does not measure
every level."""


@dataclass(frozen=True)
class Case:
    """Verdict on one benchmark in one session, with one planted level.

    Attributes:
        planted: planted share of the benchmark's own work; 0.1 is 10%.
        session: number of the session, counted from 1.
        word: the verdict.
        ratio: measured ratio; None if no pair counts.
        pairs: number of pairs behind the verdict.
        minutes: time until the verdict.
    """

    planted: float
    session: int
    word: Word
    ratio: float | None
    pairs: int
    minutes: float


def main(arguments: Sequence[str] | None = None, run: Run | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 2: wrong arguments, or a process failed; 3: a file could not be written; 130:
    Ctrl-C, after which --resume continues.
    """
    options = _options(arguments)
    cases: list[Case] = []
    environment: dict[str, str] = {}
    status = ExitStatus.OK
    try:
        if options.measure == "instructions":
            check_countable(options.device, options.threads)
        side = find_interpreter(options.python)
        folder = options.results or RESULTS
        bar = tqdm(total=options.sessions, unit="session", disable=None, leave=False)
        with lock_folder(folder), bar, busy_processes(options.load):
            if options.restart:
                for session in sorted(folder.glob("session-*")):
                    remove_comparison(session)
            for number in range(1, options.sessions + 1):
                pairs = Pairs(
                    plan_of(options, side, number),
                    folder / f"session-{number:03}",
                    options.resume,
                    run,
                    options.measure,
                )
                contests: Sequence[Contest] = ()
                for contests, _ in settle(pairs, 60 * options.budget - elapsed(pairs.done)):
                    missing = sum(len(contest.judge.open) for contest in contests)
                    bar.set_postfix_str(f"{len(pairs.done)} pairs, {missing} verdicts missing")
                cases += cases_of(number, contests, pairs.done)
                environment = environment_of(pairs.done[0][0])
                bar.update()
    except KeyboardInterrupt:
        status = ExitStatus.INTERRUPTED
    except (SideError, OSError) as error:
        complain(str(error))
        status = ExitStatus.WRONG_INPUT
    if not cases:
        return status
    found, end = text(cases, options), ["Incomplete: --resume continues with the complete pairs."]
    if status == ExitStatus.OK:
        content = {
            "format": "rnn_core calibration 1",
            "cases": [asdict(case) for case in cases],
        }
        status, end = write_files(results_file(options.save, found, environment, content))
    print("\n".join([found, *([""] if end else []), *end]))
    return status


def plan_of(options: argparse.Namespace, side: Interpreter, number: int) -> Plan:
    """Return the plan of a session: the side against itself, with a seed of its own."""
    return Plan(
        ("benchmarks/test_stages.py",),
        options.benchmarks or BENCHMARKS,
        options.device,
        side,
        side,
        options.seconds,
        options.threads,
        {options.measure: options.within[options.measure]},
        options.seed + number,
        options.levels,
        options.load,
    )


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Run so many programs that keep all CPUs busy, until the `with` block ends."""
    with ExitStack() as stack:
        with all_cpus():
            for _ in range(count):
                stack.enter_context(Process([sys.executable, "-c", BUSY]))
        yield


def cases_of(session: int, contests: Sequence[Contest], pairs: Sequence[Pair]) -> list[Case]:
    """Return the verdicts of a session on all benchmarks at all levels."""
    return [
        Case(
            contest.planted or 0.0,
            session,
            verdict.word,
            verdict.ratio if verdict.pairs else None,
            verdict.pairs,
            elapsed(pairs[: verdict.measured]) / 60,
        )
        for contest in contests
        for verdict in contest.all(pairs).values()
    ]


def text(cases: Sequence[Case], options: argparse.Namespace) -> str:
    """Return the table, and how it was measured."""
    sessions = len({case.session for case in cases})
    traits = MEASURES[options.measure]
    within = options.within[options.measure]
    rows = [
        row(level, within, [case for case in cases if case.planted == level], traits)
        for level in options.levels
    ]
    words = [*traits.words, "rate (95% interval)", "pairs", "minutes"]
    busy = f" beside {options.load} busy processes" if options.load else ""
    return "\n".join(
        [
            f"{sessions} sessions of at most {options.budget:g} minutes{busy}, "
            f"at most {ERROR:.0%} of the verdicts may be wrong",
            "",
            table(["planted", "same within", "measured", "verdicts", *words], rows),
            "",
            EXPLANATION.format(worse=traits.worse, better=traits.better),
        ]
    )


def row(level: float, within: float, cases: Sequence[Case], traits: Traits) -> list[str]:
    """Return the row of one planted level."""
    found = [case.word for case in cases]
    hits = found.count(traits.worse) + (found.count(traits.better) if level == 0 else 0)
    settled = [case for case in cases if case.word != CANNOT_TELL]
    ratios = [case.ratio for case in cases if case.ratio is not None]
    return [
        f"{100 * level:g}%",
        f"{100 * tolerance(within, level):g}%",
        f"{100 * (median(ratios) - 1):.{traits.digits - 2}f}%" if ratios else "",
        str(len(found)),
        *(str(found.count(word)) for word in traits.words),
        rate(hits, len(found)),
        f"{median(case.pairs for case in settled):g}" if settled else "",
        f"{median(case.minutes for case in settled):.1f}" if settled else "",
    ]


def rate(hits: int, tries: int) -> str:
    """Return a rate and its exact interval: 0.6% (0.0-3.4%)."""
    ends = stats.binomtest(hits, tries).proportion_ci(CONFIDENCE, method="exact")
    return f"{100 * hits / tries:.1f}% ({100 * ends.low:.1f}-{100 * ends.high:.1f}%)"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser("calibrate", __doc__, threads=True)
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="ENV",
        help="interpreter, tox environment, or revision of rnn_core (git:REV) to compare with "
        "itself (default: this interpreter)",
    )
    parser.add_argument(
        "--sessions", type=at_least(1), default=20, help="number of sessions (default: 20)"
    )
    parser.add_argument(
        "--budget",
        type=positive_number,
        default=10.0,
        metavar="MINUTES",
        help="time limit of each session (default: 10)",
    )
    parser.add_argument(
        "--levels",
        type=percentages,
        metavar="PERCENT,...",
        help="work to plant, in percent of a benchmark's own (default: 0,5,10,20 by time, "
        "0,0.5,1,2 by instructions)",
    )
    parser.add_argument(
        "--measure",
        choices=tuple(LEVELS),
        default="time",
        help="measure to judge by (default: time)",
    )
    parser.add_argument(
        "--load",
        type=at_least(0),
        default=0,
        metavar="N",
        help="number of processes that keep the CPUs busy meanwhile (default: 0)",
    )
    parser.add_argument(
        "--save",
        type=writable_path(".md", ".json"),
        metavar="FILE",
        help="file for the results (.md or .json)",
    )
    add_measuring_options(parser)
    options = parser.parse_args(arguments)
    options.levels = options.levels or LEVELS[options.measure]
    return options
