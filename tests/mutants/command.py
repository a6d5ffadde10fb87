"""Write docs/mutants.md, from what mutmut found, and print its table: `python -m tests.mutants`.

The exit status is 0 if the tests noticed 95% of the mutants that were run in each package and the
others are explained, 1 if not, 2 for wrong options, and 3 if the page could not be written.
"""

import argparse
import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from difflib import ndiff
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.text import table
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.environment import describe_environment
from rnn_core.runtime.files import write_text
from rnn_core.runtime.messages import complain
from tests import ROOT
from tests.mutants.reasons import REASONS, Reason

MUTANTS = ROOT / "mutants"
DOCUMENT = ROOT / "docs" / "mutants.md"
PACKAGES = ("rnn_core", "benchmarks", "conftest.py")
LOWEST_SCORE = 0.95
KILLED, TIMED_OUT, SURVIVED = "killed", "timed out", "survived"
NOT_COVERED, NOT_RUN = "not covered", "not run"
EQUIVALENT, UNEXPLAINED = "equivalent", "not explained"
COUNTS = ("mutants", KILLED, TIMED_OUT, SURVIVED, NOT_COVERED, NOT_RUN, EQUIVALENT, UNEXPLAINED)
HEAD = ("package", *COUNTS, "score")
# mutmut's numbers; the others are failures and crashes. SIGXCPU is 24. A test that lets Ctrl-C
# through, and an error of an import, end a session with 2.
STATUSES: dict[int | None, str] = {0: SURVIVED}
STATUSES |= dict.fromkeys((None, 34), NOT_RUN)
STATUSES |= dict.fromkeys((5, 33), NOT_COVERED)
STATUSES |= dict.fromkeys((-24, 24, 36, 152, 255), TIMED_OUT)


class Mutant(NamedTuple):
    """A changed function.

    Attributes:
        path: file in the project.
        function: function, or class and method.
        old: lines of the function that the mutant changes, without their indentation.
        new: lines that replace them.
        status: one of `COUNTS`.
    """

    path: str
    function: str
    old: str
    new: str
    status: str

    @property
    def package(self) -> str:
        """The package of the file: that of `rnn_core/cells.py` is `rnn_core`."""
        return "/".join(Path(self.path).parts[:2][: max(1, self.path.count("/"))])

    @property
    def reason(self) -> Reason | None:
        """Why no test notices it, if that is known."""
        where = f"{self.path}::{self.function}"
        return next((r for r in REASONS if r.fits(where, self.old, self.new)), None)

    @property
    def survived(self) -> bool:
        """Whether no test noticed it."""
        return self.status in (SURVIVED, NOT_COVERED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--retry",
        action="store_true",
        help="forget the results of mutants that were not killed, so that the next run tests them "
        "again, and write no page",
    )
    options = parser.parse_args(arguments)
    # Not in other folders: a mutant may leave copies of the project.
    files = sorted(path for name in PACKAGES for path in (MUTANTS / name).rglob("*.meta"))
    files += MUTANTS.glob("conftest.py.meta")
    if not files:
        parser.error(f"{MUTANTS} has no mutants: run `tox -e mutants`")
    if options.retry:
        for path in files:
            forget(path)
        return ExitStatus.OK
    mutants = [mutant for path in files for mutant in read(path)]
    packages = count(mutants)
    print(scores := table(HEAD, [row(*package) for package in packages.items()]))
    try:
        write_text(DOCUMENT, "\n".join(page(mutants, scores, describe_environment())) + "\n")
    except OSError as error:
        complain(str(error))
        return ExitStatus.NOT_WRITTEN
    well = all(score(c) >= LOWEST_SCORE and not c[UNEXPLAINED] for c in packages.values())
    return ExitStatus.OK if well else ExitStatus.FINDING


def read(meta: Path) -> Iterator[Mutant]:
    """Read the mutants of a file, from the three files that mutmut writes for it."""
    source = meta.with_suffix("")
    lines = source.read_text(encoding="utf-8").splitlines()
    spans = json.loads(Path(f"{source}.spans").read_text(encoding="utf-8"))["spans"]
    for name, status in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items():
        mangled = name.rpartition(".")[2]
        function = mangled.partition("__mutmut_")[0]
        old, new = (
            [line.replace(each, function).strip() for line in lines[first - 1 : last]]
            for each in (f"{function}__mutmut_orig", mangled)
            for first, last in [spans[each]]
        )
        changes = [line for line in ndiff(old, new) if line[0] in "-+"]
        yield Mutant(
            path=str(source.relative_to(MUTANTS)),
            function=function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", "."),
            old=" ".join(line[2:] for line in changes if line[0] == "-"),
            new=" ".join(line[2:] for line in changes if line[0] == "+"),
            status=STATUSES.get(status, KILLED),
        )


def forget(meta: Path) -> None:
    """Let mutmut run the mutants of a file again that were not killed."""
    results = json.loads(meta.read_text(encoding="utf-8"))
    for name, status in results["exit_code_by_key"].items():
        if status in STATUSES:
            results["exit_code_by_key"][name] = None
    meta.write_text(json.dumps(results), encoding="utf-8")


def count(mutants: Iterable[Mutant]) -> dict[str, Counter[str]]:
    """The numbers of mutants of each package, in alphabetical order."""
    packages: dict[str, Counter[str]] = {}
    for mutant in sorted(mutants, key=lambda mutant: mutant.package):
        counts = packages.setdefault(mutant.package, Counter())
        counts.update(("mutants", mutant.status))
        if mutant.survived:
            counts[UNEXPLAINED] += mutant.reason is None
            counts[EQUIVALENT] += mutant.reason is not None and mutant.reason.equivalent
    return packages


def score(counts: Counter[str]) -> float:
    """Share of noticed mutants, of those that were run and are not equivalent."""
    run = counts["mutants"] - counts[NOT_RUN] - counts[EQUIVALENT]
    return (counts[KILLED] + counts[TIMED_OUT]) / run if run else 1.0


def row(package: str, counts: Counter[str]) -> list[str]:
    """The cells of a package in the table."""
    share = "not run" if counts[NOT_RUN] == counts["mutants"] else f"{score(counts):.1%}"
    return [package, *(str(counts[name]) for name in COUNTS), share]


def not_mutated() -> dict[str, list[str]]:
    """The functions that mutmut leaves out, of each file: those with a decorator."""
    paths = [path for name in PACKAGES for path in [*(ROOT / name).rglob("*.py"), ROOT / name]]
    functions: dict[str, list[str]] = {}
    for path in sorted(path for path in paths if path.is_file()):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            for each in node.body if isinstance(node, ast.ClassDef) else [node]:
                decorators = [ast.unparse(d) for d in getattr(each, "decorator_list", ())]
                if isinstance(each, ast.FunctionDef) and decorators not in (
                    [],
                    ["staticmethod"],
                    ["classmethod"],
                ):
                    file = str(path.relative_to(ROOT))
                    functions.setdefault(file, []).append(f"`{prefix}{each.name}`")
    return functions


def page(mutants: Sequence[Mutant], scores: str, environment: dict[str, str]) -> Iterator[str]:
    """Lines of the page docs/mutants.md; its introduction stays."""
    introduction, heading, _ = DOCUMENT.read_text(encoding="utf-8").partition("## Results\n")
    run = sum(mutant.status != NOT_RUN for mutant in mutants)
    seconds = json.loads((MUTANTS / "seconds.json").read_text(encoding="utf-8"))
    yield introduction + heading
    yield (
        f"{run:,} of {len(mutants):,} mutants were run by {date.today():%d %B %Y}, in "
        f"{seconds / 3600:.1f} hours in all, with Paddle {environment['paddle']}, mutmut "
        f"{version('mutmut')}, Python {environment['python']}, {environment['cpu']}, "
        f"{environment['system']}.\n\n{scores}"
    )
    survivors = [mutant for mutant in mutants if mutant.survived]
    reasons = Counter(mutant.reason for mutant in survivors if mutant.reason)
    explained = [
        [str(number), code(reason.where), f"{'equivalent: ' * reason.equivalent}{reason.why}"]
        for reason, number in reasons.items()
    ]
    others = [[code(text) for text in mutant[:4]] for mutant in survivors if mutant.reason is None]
    left_out = [[code(file), ", ".join(names)] for file, names in not_mutated().items()]
    for title, head, rows in (
        ("Explained survivors", ("mutants", "where", "reason"), explained),
        ("Survivors that are not explained", ("file", "function", "source", "mutant"), others),
        ("Functions with a decorator, which mutmut does not change", ("file", "names"), left_out),
    ):
        yield f"\n## {title}\n\n{table(head, rows) if rows else 'None.'}"


def code(text: str) -> str:
    """Return a text as code in a cell of a table; a pipe would end the cell."""
    escaped = text.replace("|", "\\|")
    return f"`` {escaped} ``" if "`" in text else f"`{escaped}`" if text else ""
