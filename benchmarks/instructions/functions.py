"""The functions that cost a benchmark its instructions, and how two sides differ in them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from benchmarks.saved.records import Record

Instructions = Annotated[float, Field(ge=0, le=1e15)]

# Smallest share of a call's instructions that a function in a profile has.
LEAST_SHARE = 1e-4
NO_SYMBOLS = "(no symbols)"


class Function(Record):
    """A function of a profile.

    Attributes:
        name: name with its arguments, as the compiler's symbols give it; "(no symbols)" for all
            functions of a library that have none.
        library: file name of its library, without the path.
        cost: instructions of its own in one call of the benchmark.
        operator: nearest Paddle operator that called it; empty if none did.
    """

    name: str
    library: str
    cost: Instructions
    operator: str = ""


class Operator(Record):
    name: str
    cost: Instructions
    calls: float


class Profile(Record):
    functions: tuple[Function, ...] = ()
    operators: tuple[Operator, ...] = ()


class Profiles(Record):
    """The functions of each benchmark that one process counted, by the benchmark's node id.

    A function is listed if it has at least 0.01% of the instructions.
    """

    benchmarks: dict[str, Profile]


class OperatorCost(Record):
    name: str
    before: Instructions | None
    after: Instructions | None
    calls_before: float | None
    calls_after: float | None

    @property
    def change(self) -> float:
        return (self.after or 0.0) - (self.before or 0.0)


class FunctionCost(Record):
    """What a function costs on both sides.

    Attributes:
        name: name of the function.
        library: file name of its library, in the candidate if it is there.
        before: instructions per call in the baseline; None if it is not among its functions.
        after: instructions per call in the candidate; None if it is not among its functions.
        operator: nearest Paddle operator that called it, in the candidate if it is there.
    """

    name: str
    library: str
    before: Instructions | None
    after: Instructions | None
    operator: str = ""

    @property
    def change(self) -> float:
        """Instructions per call that the candidate has more."""
        return (self.after or 0.0) - (self.before or 0.0)


def functions_file(path: Path) -> Path:
    """Return the path of the functions beside a process's result file."""
    return path.with_suffix(".functions.json")


class Explanation(Record):
    functions: list[FunctionCost]
    operators: list[OperatorCost]


def explain(before: Profile, after: Profile) -> Explanation:
    """Return the functions of two profiles of a benchmark, those that grew most first."""
    old, new = (
        {(each.name, each.library): each for each in side.functions} for side in (before, after)
    )
    x, y = ({each.name: each for each in side.operators} for side in (before, after))
    operators = [
        OperatorCost(
            name=name,
            before=x[name].cost if name in x else None,
            after=y[name].cost if name in y else None,
            calls_before=x[name].calls if name in x else None,
            calls_after=y[name].calls if name in y else None,
        )
        for name in {**x, **y}
    ]
    for key in old.keys() - new.keys():
        # A function that has moved to another library, or a library with another name.
        moved = [each for each in new.keys() - old.keys() if each[0] == key[0]]
        if len(moved) == 1 and key[0] != NO_SYMBOLS:
            new[key] = new.pop(moved[0])
    costs = [
        FunctionCost(
            name=key[0],
            library=(new if key in new else old)[key].library,
            before=old[key].cost if key in old else None,
            after=new[key].cost if key in new else None,
            operator=(new if key in new else old)[key].operator,
        )
        for key in {**old, **new}
    ]
    return Explanation(
        functions=sorted(costs, key=lambda cost: (-cost.change, cost.name, cost.library)),
        operators=sorted(operators, key=lambda cost: (-cost.change, cost.name)),
    )
