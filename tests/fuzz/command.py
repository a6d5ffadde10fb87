"""Read damaged and forged files with every reader: `python -m tests.fuzz --seconds 60 --seed 0`.

At least half of the files are structured changes of valid ones, with their checksums repaired. A
reader must end in its documented error or return a result that satisfies its invariants, in little
time and memory. If one does not, the exit status is 1; the files that show it are kept.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from rnn_core.commands.arguments import at_least, names_from, seed
from rnn_core.commands.status import ExitStatus
from tests.fuzz.engine import Fuzzer, fuzz
from tests.fuzz.readers import READERS

NAMES = [reader.name for reader in READERS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--seconds", type=at_least(1), metavar="N", help="time limit (default: none with --inputs)"
    )
    parser.add_argument(
        "--inputs", type=at_least(1), metavar="N", help="number of inputs of all readers together"
    )
    parser.add_argument("--seed", type=seed, default=0, help="random seed (default: 0)")
    parser.add_argument(
        "--reader",
        type=names_from(NAMES),
        default=NAMES,
        metavar="NAME[,...]",
        help=f"readers to test: {', '.join(NAMES)} (default: all)",
    )
    options = parser.parse_args(arguments)
    if options.inputs is None and options.seconds is None:
        options.seconds = 60
    readers = [reader for reader in READERS if reader.name in options.reader]
    warnings.simplefilter("error")  # As in pytest.
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    fuzzers = [Fuzzer(reader, options.seed, folder) for reader in readers]
    try:
        fuzz(fuzzers, _rounds(options.inputs, options.seconds, len(readers)))
    finally:  # After Ctrl-C, too.
        problems = sum(_report(fuzzer) for fuzzer in fuzzers)
        if not problems:
            folder.rmdir()
    return ExitStatus.FINDING if problems else ExitStatus.OK


def _report(fuzzer: Fuzzer) -> int:
    """Print what one reader did, and return the number of inputs with a problem."""
    found = fuzzer.found
    problems = found.problems.total()
    print(
        f"{fuzzer.reader.name}: {found.inputs} inputs ({found.structured} structured), "
        f"{found.accepted} accepted, {problems} with a problem"
    )
    for problem, count in found.problems.most_common():
        print(f"  {count} x {problem}: {found.files[problem]}")
    fuzzer.path.unlink(missing_ok=True)
    return problems


def _rounds(inputs: int | None, seconds: int | None, readers: int) -> Iterator[int]:
    """Count rounds of one input for each reader until a limit is reached."""
    end = None if seconds is None else time.monotonic() + seconds
    done = 0
    while (inputs is None or done < inputs) and (end is None or time.monotonic() < end):
        yield done
        done += readers
