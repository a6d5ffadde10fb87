"""Parsers that several commands share."""

import argparse
from collections.abc import Sequence

from benchmarks.interpreters import Origin
from benchmarks.measuring.threads import threads_parser
from benchmarks.workloads.own import FORM, OWN_EXECUTIONS, workload_argument
from rnn_core.commands.arguments import Parser, at_least, seed


def make_parser(
    name: str, description: str | None, *, threads: bool = False
) -> argparse.ArgumentParser:
    """Return a parser for `python -m benchmarks.NAME`.

    Args:
        name: name of the command.
        description: description in the help, printed without changes.
        threads: whether the command has the option `--threads`.
    """
    return Parser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        parents=[threads_parser()] if threads else [],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_sides(parser: argparse.ArgumentParser, saved: str) -> None:
    """Add the two sides of a comparison, and where their Paddle is installed from.

    Args:
        parser: parser of the command.
        saved: sides that were measured before, for the help.
    """
    parser.add_argument(
        "sides", nargs="*", metavar="ENV", help="baseline and candidate, without option names"
    )
    parser.add_argument(
        "--baseline",
        metavar="ENV",
        help="version of Paddle (3.3.0, newest, paddlepaddle-gpu==2.6.2), wheel of Paddle (path or "
        "URL), Python interpreter, tox environment (paddle30), revision of rnn_core (git:REV, "
        f"git:REV@3.3.0; . is the working tree), {saved}",
    )
    parser.add_argument("--candidate", metavar="ENV", help="side to compare with the baseline")
    add_origin(parser)


def add_origin(parser: argparse.ArgumentParser) -> None:
    """Add options that say where versions and wheels of Paddle are installed from."""
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        help="interpreter for versions and wheels of Paddle: a version (3.12), path or name "
        "(default: this one)",
    )
    parser.add_argument(
        "--index-url",
        metavar="URL",
        help="package index that is searched for versions of Paddle first, such as that of its "
        "nightly builds (default: that of pip or uv)",
    )


def add_workload(
    parser: argparse.ArgumentParser, instead: str, others: Sequence[str] = (), seeded: bool = False
) -> None:
    """Add the options of an own workload.

    Args:
        parser: parser of the command.
        instead: what it replaces, for the help.
        others: executions of what it replaces.
        seeded: whether the command already has the option `--seed`.
    """
    parser.add_argument(
        "--workload",
        type=workload_argument,
        metavar="WORKLOAD",
        help=f"model of your own instead of {instead}, as {FORM}: docs/guides/own-model.md",
    )
    of_others = "implementation of the recurrent layer (default: textbook). " if others else ""
    parser.add_argument(
        "--execution",
        choices=[*dict.fromkeys((*OWN_EXECUTIONS, *others))],
        help=f"{of_others}Of --workload: eager, or static for the model traced by to_static "
        "(default: eager)",
    )
    parser.add_argument(
        "--steps",
        type=at_least(1),
        metavar="N",
        help="number of steps of --workload whose behaviour is compared (default: 100)",
    )
    if not seeded:
        parser.add_argument(
            "--seed", type=seed, metavar="N", help="seed that --workload gets (default: 0)"
        )


def parse_sides(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """Parse a command line with two sides: see `add_sides`. `origin` is an `Origin`."""
    options = parser.parse_args(arguments)
    named = [side for side in (options.baseline, options.candidate) if side is not None]
    if len(options.sides) + len(named) != 2 or len(named) == 1:
        parser.error("two sides are needed: BASELINE CANDIDATE, or --baseline ENV --candidate ENV")
    options.baseline, options.candidate = options.sides or named
    options.origin = Origin(options.python, options.index_url)
    return options
