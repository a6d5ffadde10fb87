"""Options, results and result files of the commands that measure training steps."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import paddle

from benchmarks.commands.parser import make_parser
from benchmarks.measuring.threads import cpus
from benchmarks.workloads.implementations import PEERS, absent
from benchmarks.workloads.same_work import DifferentWorkError
from rnn_core.commands.arguments import names_from, seed, writable_path
from rnn_core.commands.output import write_files
from rnn_core.commands.status import ExitStatus
from rnn_core.config import CELLS
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.files import write_json, write_text
from rnn_core.runtime.messages import complain


class Outcome:
    """Results that a command collects while it measures.

    Attributes:
        environment: facts that the times depend on.
        skipped: implementations that are not measured, with the reasons.
        data: the measurements, as JSON.
    """

    def __init__(self, skipped: Sequence[str] = ()) -> None:
        self.environment = environment()
        self.skipped = list(skipped)
        self.data: list[dict[str, Any]] = []


def implementations_parser(
    name: str, description: str | None, implementations: Sequence[str]
) -> argparse.ArgumentParser:
    """Return a parser with the options that these commands share."""
    parser = make_parser(name, description, threads=True)
    parser.add_argument(
        "--implementations",
        type=names_from(implementations),
        metavar="NAME,...",
        help=f"implementations to measure: any of {', '.join(implementations)} (default: all "
        "that are installed)",
    )
    parser.add_argument(
        "--cells",
        type=names_from(CELLS),
        default=CELLS,
        metavar="NAME,...",
        help=f"cells to measure: any of {', '.join(CELLS)} (default: all)",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, help="random seed for the order in each round (default: 0)"
    )
    parser.add_argument(
        "--save",
        type=writable_path(".md", ".json"),
        metavar="FILE",
        help="file for the results (.md or .json)",
    )
    return parser


def begin(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, known: Sequence[str]
) -> tuple[argparse.Namespace, list[str], Outcome]:
    """Read the command line; return options, implementations to measure, and an empty outcome."""
    options = parser.parse_args(arguments)
    paddle.device.set_device("cpu")
    implementations, skipped = choose(parser, options.implementations, known)
    return options, implementations, Outcome(skipped)


def choose(
    parser: argparse.ArgumentParser, asked: Sequence[str] | None, known: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the implementations to measure, and the reasons why others are not measured.

    Naming an implementation that is not installed is an error.
    """
    reasons = {name: absent(name) for name in asked or known}
    missing = [f"{name} is not measured: {reason}" for name, reason in reasons.items() if reason]
    if asked and missing:
        parser.error("; ".join(missing))
    return [name for name, reason in reasons.items() if reason is None], missing


def finish(
    measure: Callable[[], object],
    outcome: Outcome,
    text: Callable[[], str],
    path: Path | None,
    *files: tuple[str, Path | None, Callable[[Path], object]],
) -> ExitStatus:
    """Measure, save and print the results, and return the exit status.

    After a signal or an error, the results so far are printed, but not saved: a file always holds
    the results of a complete run.

    Args:
        measure: function that measures, and adds to the outcome.
        outcome: results that `measure` collects.
        text: function that returns the results as text.
        path: file to write; None for no file.
        files: other files to write, as in `write_files`.
    """
    status = ExitStatus.OK
    try:
        measure()
    except DifferentWorkError as error:
        complain(f"not the same work, nothing was timed: {error}")
        return ExitStatus.FINDING
    except KeyboardInterrupt:
        status = ExitStatus.INTERRUPTED
    except RuntimeError as error:
        complain(str(error))
        status = ExitStatus.WRONG_INPUT
    found = text()
    shown = [*outcome.skipped, "", found] if outcome.skipped else [found]
    names: list[str] = []
    if status != ExitStatus.OK:
        shown += ["", "Incomplete: these are the results so far."]
    else:
        saved = results_file(
            path,
            "\n".join([found, "", *outcome.skipped]),
            outcome.environment,
            {"skipped": outcome.skipped, "results": outcome.data},
        )
        status, names = write_files(saved, *files)
    print("\n".join([*shown, *([""] if names else []), *names]), flush=True)
    return status


def results_file(
    path: Path | None, text: str, environment: Mapping[str, str], content: Mapping[str, Any]
) -> tuple[str, Path | None, Callable[[Path], None]]:
    """Return a file of results, for `write_files`.

    Args:
        path: file to write; None for no file.
        text: content of a Markdown file, without the environment.
        environment: facts to list in the file.
        content: content of a JSON file, without the environment.
    """

    def write(path: Path) -> None:
        if path.suffix == ".json":
            write_json(path, {"environment": environment, **content})
        else:
            facts = [f"- {key}: {value}" for key, value in environment.items() if value]
            write_text(path, "\n".join([text.rstrip(), "", *facts, ""]))

    return "results", path, write


def environment() -> dict[str, str]:
    """Return what the times depend on: Paddle's environment, the peers' versions, CPUs, date."""
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
