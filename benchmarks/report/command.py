"""One page of what the environments of the matrix left: python -m benchmarks.report.

Reads the folders that tox, or pytest --results, left, and writes one HTML file that needs nothing
else. What is missing or damaged is on it, by name.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks import ROOT
from benchmarks.report.page import make_page
from benchmarks.report.reading import read_results
from rnn_core.runtime.files import check_writable, write_whole

WRITTEN, BAD_INPUT, NOT_WRITTEN, INTERRUPTED = 0, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: the page is written, whatever it shows; 2: there are no results; 3: it cannot be written.
    """
    options = _parser().parse_args(arguments)
    folder: Path = options.results
    output: Path = options.output or folder / "report.html"
    try:
        results = read_results(folder, frozenset([output.name, "report.html"]))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    try:
        check_writable(output)
        page = make_page(results, datetime.now(timezone.utc))
        with write_whole(output) as file:
            # A result file may hold half a character, which has no encoding.
            file.write(page.encode(errors="replace"))
    except OSError as error:
        print(f"error: no page: {error}", file=sys.stderr)
        return NOT_WRITTEN
    print(f"page: {output}")
    return WRITTEN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "results",
        nargs="?",
        type=Path,
        default=ROOT / "results",
        metavar="RESULTS_DIR",
        help="with a folder for each environment (default: results, in the repository)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: report.html in RESULTS_DIR"
    )
    return parser
