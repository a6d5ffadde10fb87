"""Make one page from the results of all environments: python -m benchmarks.report.

Reads the folders that tox or pytest --results wrote, and writes a single HTML file. Files that are
missing or damaged are listed on the page.
"""

import argparse
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks import ROOT
from benchmarks.report.page import make_page
from benchmarks.report.reading import read_results
from rnn_core.commands.arguments import Parser, any_path
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.files import check_writable, write_whole
from rnn_core.runtime.messages import complain, printable


def main(arguments: Sequence[str] | None = None) -> ExitStatus:
    """Run the command line and return its exit status.

    0: the page was written, whatever it shows; 2: wrong arguments, or no results were found; 3: the
    page could not be written; 130: Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    return _make(options.results, options.output or options.results / "report.html")


def _make(folder: Path, output: Path) -> ExitStatus:
    try:
        results = read_results(folder, frozenset([output.name, "report.html"]))
    except (ValueError, OSError) as error:
        complain(str(error))
        return ExitStatus.WRONG_INPUT
    try:
        check_writable(output)
        page = make_page(results, datetime.now(timezone.utc))
        with write_whole(output) as file:
            # File names may hold bytes that are not text.
            file.write(page.encode(errors="replace"))
    except OSError as error:
        complain(f"page not written: {error}")
        return ExitStatus.NOT_WRITTEN
    for name, reason in results.listed:
        complain(f"{printable(name)}: {reason}", "warning")
    print(f"page: {output}")
    return ExitStatus.OK


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m benchmarks.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "results",
        nargs="?",
        type=any_path,
        default=ROOT / "results",
        metavar="RESULTS_DIR",
        help="folder with a folder for each environment (default: results, in the repository)",
    )
    parser.add_argument(
        "--output",
        type=any_path,
        metavar="FILE",
        help="file for the page (default: report.html in RESULTS_DIR)",
    )
    return parser
