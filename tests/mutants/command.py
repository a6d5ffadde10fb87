"""Write docs/mutants.md, from what mutmut found, and print the packages: `python -m tests.mutants`.

The exit status is 0 if the tests noticed 95% of the mutants in each package that was run and the
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
# Statuses of mutmut's processes; all others are those of crashes. SIGXCPU is 24.
KILLED, TIMED_OUT, SURVIVED = "killed", "timed out", "survived"
NOT_COVERED, NOT_RUN = "not covered", "not run"
STATUSES: dict[int | None, str] = {
    0: SURVIVED,
    5: NOT_COVERED,
    33: NOT_COVERED,
    -24: TIMED_OUT,
    None: NOT_RUN,
    2: NOT_RUN,
}


class Mutant(NamedTuple):
    """A changed function.

    Attributes:
        path: file in the project.
        function: function, or class and method.
        old: lines of the function that the mutant changes, without their indentation.
        new: lines that replace them.
        status: what came of it.
    """

    path: str
    function: str
    old: str
    new: str
    status: str

    @property
    def package(self) -> str:
        """The package of the file; modules directly below `rnn_core` belong to `rnn_core`."""
        return "/".join(Path(self.path).parts[:2][: max(1, self.path.count("/"))])

    @property
    def reason(self) -> Reason | None:
        """Why no test notices it, if that is known."""
        if self.status not in (SURVIVED, NOT_COVERED):
            return None
        where = f"{self.path}::{self.function}"
        return next((r for r in REASONS if r.fits(where, self.old, self.new)), None)


class Score(NamedTuple):
    """Numbers of mutants of a package."""

    package: str
    statuses: Counter[str]
    equivalent: int
    unexplained: int

    @property
    def share(self) -> float:
        """Share of noticed mutants, of those that were run and are not equivalent."""
        run = self.statuses.total() - self.statuses[NOT_RUN] - self.equivalent
        return (self.statuses[KILLED] + self.statuses[TIMED_OUT]) / run if run else 1.0

    @property
    def enough(self) -> bool:
        """Whether enough are noticed, and the others explained."""
        return self.share >= LOWEST_SCORE and not self.unexplained

    def row(self) -> list[str]:
        """The cells of a table."""
        order = (KILLED, TIMED_OUT, SURVIVED, NOT_COVERED, NOT_RUN)
        counts = [self.statuses.total(), *(self.statuses[s] for s in order), self.equivalent]
        share = "not run" if self.statuses[NOT_RUN] == counts[0] else f"{self.share:.1%}"
        return [self.package, *map(str, counts), str(self.unexplained), share]


HEAD = ["package", "mutants", KILLED, TIMED_OUT, SURVIVED, NOT_COVERED, NOT_RUN]
HEAD += ["equivalent", "not explained", "score"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.parse_args(arguments)
    mutants = [mutant for path in sorted(MUTANTS.rglob("*.meta")) for mutant in read(path)]
    if not mutants:
        parser.error(f"{MUTANTS} has no mutants: run `tox -e mutants`")
    scores = scores_of(mutants)
    print(table(HEAD, [score.row() for score in scores]))
    try:
        write_text(DOCUMENT, "\n".join(page(mutants, scores, describe_environment())) + "\n")
    except OSError as error:
        complain(str(error))
        return ExitStatus.NOT_WRITTEN
    return ExitStatus.OK if all(score.enough for score in scores) else ExitStatus.FINDING


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


def scores_of(mutants: Iterable[Mutant]) -> list[Score]:
    """The score of each package, in alphabetical order."""
    packages: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        packages.setdefault(mutant.package, []).append(mutant)
    return [
        Score(
            package,
            Counter(mutant.status for mutant in of_it),
            sum(mutant.reason is not None and mutant.reason.equivalent for mutant in of_it),
            sum(m.status in (SURVIVED, NOT_COVERED) and m.reason is None for m in of_it),
        )
        for package, of_it in sorted(packages.items())
    ]


def not_mutated() -> Iterator[tuple[str, str]]:
    """Yield the file and the name of each function that mutmut leaves out: a decorated one."""
    paths = [path for name in PACKAGES for path in [*(ROOT / name).rglob("*.py"), ROOT / name]]
    for path in sorted(path for path in paths if path.is_file()):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            for each in node.body if isinstance(node, ast.ClassDef) else [node]:
                if isinstance(each, ast.FunctionDef) and each.decorator_list:
                    decorators = [ast.unparse(decorator) for decorator in each.decorator_list]
                    if decorators not in (["staticmethod"], ["classmethod"]):
                        yield str(path.relative_to(ROOT)), f"{prefix}{each.name}"


def page(
    mutants: Sequence[Mutant], scores: Sequence[Score], environment: dict[str, str]
) -> Iterator[str]:
    """Lines of the page docs/mutants.md; its introduction stays."""
    introduction, heading, _ = DOCUMENT.read_text(encoding="utf-8").partition("## Results\n")
    left = sum(score.statuses[NOT_RUN] for score in scores)
    seconds = json.loads((MUTANTS / "seconds.json").read_text(encoding="utf-8"))
    yield introduction + heading
    yield (
        f"{len(mutants) - left} of {len(mutants)} mutants were run, on {date.today():%d %B %Y}, in "
        f"{seconds / 3600:.1f} hours, with Paddle {environment['paddle']}, mutmut "
        f"{version('mutmut')}, Python {environment['python']}, {environment['cpu']}, "
        f"{environment['system']}."
    )
    yield "\n" + table(HEAD, [score.row() for score in scores])
    yield "\n## Explained survivors\n"
    reasons = Counter(mutant.reason for mutant in mutants if mutant.reason)
    head = ("mutants", "where", "reason")
    rows = [
        [str(n), code(r.where), f"{'equivalent: ' * r.equivalent}{r.why}"]
        for r, n in reasons.items()
    ]
    yield table(head, rows) if rows else "None."
    yield "\n## Survivors that are not explained\n"
    rows = [
        [code(m.path), code(m.function), code(m.old), code(m.new)]
        for m in mutants
        if m.status in (SURVIVED, NOT_COVERED) and m.reason is None
    ]
    yield table(("file", "function", "source", "mutant"), rows) if rows else "None."
    yield "\n## Not mutated\n"
    yield "Functions with a decorator, besides statements outside functions:\n"
    functions: dict[str, list[str]] = {}
    for path, name in not_mutated():
        functions.setdefault(path, []).append(name)
    rows = [[code(path), ", ".join(map(code, names))] for path, names in functions.items()]
    yield table(("file", "functions"), rows)


def code(text: str) -> str:
    """Return a text as code in a cell of a table; a pipe would end the cell."""
    escaped = text.replace("|", "\\|")
    return f"`` {escaped} ``" if "`" in text else f"`{escaped}`" if text else ""
