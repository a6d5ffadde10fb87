"""What the commands that measure share: options, tables, and files of results."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import paddle

from benchmarks.measuring.threads import cpus, threads_parser
from benchmarks.workloads.implementations import PEERS, absent
from benchmarks.workloads.same_work import DifferentWorkError
from rnn_core.config import CELLS
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.files import check_writable, write_whole

# Exit statuses; 2 is argparse's for wrong usage, 130 the shells' for Ctrl-C.
FINISHED, FAILED, NOT_WRITTEN, INTERRUPTED = 0, 1, 3, 130

RESULTS = (".md", ".json")


class Outcome:
    """What was measured so far; a command fills it while it measures.

    Attributes:
        environment: what the times depend on.
        skipped: what was not measured, and why.
        data: the measurements, as JSON takes them.
    """

    def __init__(self, skipped: Sequence[str] = ()) -> None:
        self.environment = environment()
        self.skipped = list(skipped)
        self.data: list[dict[str, Any]] = []


def make_parser(
    name: str, description: str | None, implementations: Sequence[str]
) -> argparse.ArgumentParser:
    """A command line with the options that every command has."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=description,
        parents=[threads_parser()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--implementations",
        type=list_of(implementations),
        metavar="NAME,...",
        help=f"of {', '.join(implementations)} (default: all that are installed)",
    )
    parser.add_argument(
        "--cells", type=list_of(CELLS), default=CELLS, metavar="NAME,...", help="RNN, LSTM or both"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the order within the rounds")
    parser.add_argument(
        "--save", type=result_path, metavar="FILE", help="write the results (.md or .json)"
    )
    return parser


def list_of(allowed: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A type for argparse: names separated by commas, each once, in the order of `allowed`."""

    def names(text: str) -> tuple[str, ...]:
        given = [name.strip() for name in text.split(",")]
        for name in given:
            if name not in allowed:
                raise argparse.ArgumentTypeError(
                    f"{name!r} is none of {', '.join(allowed)} (separate them by commas)"
                )
        return tuple(name for name in allowed if name in given)

    return names


def at_least(least: int) -> Callable[[str], int]:
    """A type for argparse: whole numbers from `least` on."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number, at least {least}, got {text!r}"
            )
        return int(text)

    return number


def result_path(text: str) -> Path:
    """A type for argparse: a file of results that can be written."""
    path = Path(text)
    if path.suffix not in RESULTS:
        raise argparse.ArgumentTypeError(f"must end in {' or '.join(RESULTS)}, got {path.name!r}")
    try:
        check_writable(path)
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path


def begin(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, known: Sequence[str]
) -> tuple[argparse.Namespace, list[str], Outcome]:
    """Read the command line; give its options, what to measure, and the outcome to fill."""
    options = parser.parse_args(arguments)
    paddle.device.set_device("cpu")
    implementations, skipped = choose(parser, options.implementations, known)
    return options, implementations, Outcome(skipped)


def choose(
    parser: argparse.ArgumentParser, asked: Sequence[str] | None, known: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The implementations to measure, and why others are not; one asked for must be there."""
    reasons = {name: absent(name) for name in asked or known}
    missing = [f"{name} is not measured: {reason}" for name, reason in reasons.items() if reason]
    if asked and missing:
        parser.error("; ".join(missing))
    return [name for name, reason in reasons.items() if reason is None], missing


def finish(
    measure: Callable[[], object],
    outcome: Outcome,
    text: Callable[[], str],
    save: Path | None,
) -> int:
    """Measure, print what was found, save it, and return the exit status.

    After Ctrl-C or an error, what was measured so far is printed, but not saved: a file holds a
    whole run.
    """
    status = FINISHED
    try:
        measure()
    except DifferentWorkError as error:
        print(f"error: not the same work, nothing was timed: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        status = FAILED
    found = text()
    lines = [*outcome.skipped, "", found] if outcome.skipped else [found]
    if status != FINISHED:
        lines.append("\nIncomplete: this is what was measured before it ended.")
    print("\n".join(lines), flush=True)
    if save is None or status != FINISHED:
        return status
    try:
        with write_whole(save) as file:
            file.write(saved(outcome, found, save.suffix).encode())
    except OSError as error:
        print(f"error: no results: {error}", file=sys.stderr)
        return NOT_WRITTEN
    print(f"\nresults: {save}")
    return FINISHED


def saved(outcome: Outcome, text: str, suffix: str) -> str:
    """The content of a file of results."""
    if suffix == ".json":
        content = {
            "environment": outcome.environment,
            "skipped": outcome.skipped,
            "results": outcome.data,
        }
        return json.dumps(content, indent=1) + "\n"
    facts = [f"- {key}: {value}" for key, value in outcome.environment.items() if value]
    return "\n".join([text, "", *outcome.skipped, "", *facts, ""])


def environment() -> dict[str, str]:
    """What the times depend on: Paddle's environment, the peers' versions, the CPUs, the date."""
    versions = dict.fromkeys(PEERS, "not installed")
    for name in PEERS:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        **describe_environment("cpu"),
        **versions,
        "cpus_used": str(cpus()),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def milliseconds(time: float) -> str:
    """Three digits, or all before the point."""
    return f"{time:.3g}" if time < 1000 else f"{time:.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand below each other in plain text, too."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
