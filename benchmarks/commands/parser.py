"""Parsers and options that several commands share."""

import argparse

from benchmarks.measuring.threads import threads_parser
from rnn_core.commands.arguments import Parser
from rnn_core.config import CELLS, EXECUTIONS


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


def add_layer_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the recurrent layer."""
    parser.add_argument(
        "--cell", choices=CELLS, default="LSTM", help="recurrent layer (default: LSTM)"
    )
    parser.add_argument(
        "--execution",
        choices=EXECUTIONS,
        default="kernel",
        help="implementation of the recurrent layer (default: kernel)",
    )
