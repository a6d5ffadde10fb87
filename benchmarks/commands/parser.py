"""Parsers that several commands share."""

import argparse

from benchmarks.measuring.threads import threads_parser
from rnn_core.commands.arguments import Parser


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
