"""How often is `benchmarks.compare` right on this machine? python -m benchmarks.calibrate.

Each session compares an interpreter with itself, with slowdowns planted in the candidate: after
each timed call, the candidate keeps the CPU busy for a fraction of the call's own time. A candidate
process times every benchmark with every slowdown, so that one session judges all slowdowns, each
as a comparison of its own. The table shows how often each verdict was given.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from scipy import stats
from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.commands.common import results_file
from benchmarks.commands.parser import make_parser
from benchmarks.compare.command import add_measuring_options, remove_comparison
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.pairs import Contest, Pair, Pairs, Plan, elapsed, settle
from benchmarks.compare.process import Run
from benchmarks.compare.sides import SideError
from benchmarks.compare.summary import environment_of
from benchmarks.compare.verdicts import ERROR
from benchmarks.compare.words import CANNOT_TELL, Word
from benchmarks.interpreters import Interpreter, find_interpreter
from benchmarks.locks import lock_folder
from benchmarks.text import table
from rnn_core.commands.arguments import at_least, percentages, positive_number, writable_path
from rnn_core.commands.output import write_files
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.messages import complain

RESULTS = ROOT / "results" / "calibration"
LEVELS = (0.0, 0.05, 0.1, 0.2)
# Confidence level of the intervals of the rates.
CONFIDENCE = 0.95
EXPLANATION = """Measured: the median of the ratios. Rate: the share of the verdicts slower and
faster if nothing is planted, of slower otherwise. Its interval (Clopper and Pearson 1934) assumes
independent verdicts; those of one session are slightly dependent. Pairs and minutes: medians until
a verdict. A comparison takes fewer minutes, because its candidate does not time every slowdown."""


@dataclass(frozen=True)
class Case:
    """Verdict on one benchmark in one session, with one planted slowdown.

    Attributes:
        planted: planted slowdown; 0.1 is 10%.
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
        side = find_interpreter(options.python)
        folder = options.results or RESULTS
        bar = tqdm(total=options.sessions, unit="session", disable=None, leave=False)
        with lock_folder(folder), bar:
            if options.restart:
                for session in sorted(folder.glob("session-*")):
                    remove_comparison(session)
            for number in range(1, options.sessions + 1):
                pairs = Pairs(
                    plan_of(options, side, number),
                    folder / f"session-{number:03}",
                    options.resume,
                    run,
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
        options.benchmarks,
        options.device,
        side,
        side,
        options.seconds,
        options.threads,
        {"time": options.within["time"]},
        options.seed + number,
        options.levels,
    )


def cases_of(session: int, contests: Sequence[Contest], pairs: Sequence[Pair]) -> list[Case]:
    """Return the verdicts of a session on all benchmarks with all slowdowns."""
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
    rows = [
        row(level, [case for case in cases if case.planted == level]) for level in options.levels
    ]
    words = MEASURES["time"].words
    head = ["planted", "measured", "verdicts", *words, "rate (95% interval)", "pairs", "minutes"]
    return "\n".join(
        [
            f"{sessions} sessions of at most {options.budget:g} minutes, same within "
            f"{100 * options.within['time']:g}%, at most {ERROR:.0%} of the verdicts may be wrong",
            "",
            table(head, rows),
            "",
            EXPLANATION,
        ]
    )


def row(level: float, cases: Sequence[Case]) -> list[str]:
    """Return the row of one planted slowdown."""
    found = [case.word for case in cases]
    hits = found.count("slower") + (found.count("faster") if level == 0 else 0)
    settled = [case for case in cases if case.word != CANNOT_TELL]
    ratios = [case.ratio for case in cases if case.ratio is not None]
    return [
        f"{100 * level:g}%",
        f"{100 * (median(ratios) - 1):.1f}%" if ratios else "",
        str(len(found)),
        *(str(found.count(word)) for word in MEASURES["time"].words),
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
        default=LEVELS,
        metavar="PERCENT,...",
        help="slowdowns to plant (default: 0,5,10,20)",
    )
    parser.add_argument(
        "--save",
        type=writable_path(".md", ".json"),
        metavar="FILE",
        help="file for the results (.md or .json)",
    )
    add_measuring_options(parser)
    return parser.parse_args(arguments)
