"""Whether static graphs trained as eager execution did, in each environment."""

from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.report.matrix import Environment

Row = tuple[str, str, str]  # Execution, mode and experiment.


class Agreements(NamedTuple):
    """A table with a column for each environment.

    Attributes:
        environments: environments that ran static graphs.
        rows: how far each run agreed in each of them; empty where there was no such run.
    """

    environments: list[Environment]
    rows: dict[Row, list[str]]


def agreements_of(environments: Iterable[Environment]) -> Agreements:
    """Return what the environments' benchmarks found, in the order of the first one."""
    found: dict[str, dict[Row, str]] = {}
    used = []
    for each in environments:
        cells = {row_of(case.name): case.agreement for case in each.cases if case.agreement}
        if cells:
            used.append(each)
            found[each.name] = cells
    rows = dict.fromkeys(row for cells in found.values() for row in cells)
    return Agreements(used, {row: [cells.get(row, "") for cells in found.values()] for row in rows})


def row_of(name: str) -> Row:
    """Return the row of a test: ("sot", "primitive", "clipped-rnn") of "...[sot-primitive-...]"."""
    words = name.rpartition("[")[2].removesuffix("]").split("-", 2)
    execution, mode, experiment = (*words, "", "")[:3]
    return execution, mode, experiment
