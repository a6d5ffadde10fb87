"""The functions that cost a benchmark its instructions, and how two sides differ in them."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from benchmarks.saved.records import Record

Instructions = Annotated[float, Field(ge=0, le=1e15)]

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
    """A Paddle operator of a profile.

    Attributes:
        name: name of the operator, such as `matmul`, or `matmul_grad` in the backward pass.
        cost: instructions in one call of the benchmark, with all that it calls.
        calls: number of times that one call of the benchmark runs it. An operator that another
            one runs counts to the outermost.
    """

    name: str
    cost: Instructions
    calls: Instructions


class Profile(Record):
    """What a benchmark's instructions were spent on, the largest first.

    Attributes:
        operators: Paddle operators.
        functions: all functions.
    """

    operators: tuple[Operator, ...]
    functions: tuple[Function, ...]


class Profiles(Record):
    """The profile of each benchmark that one process counted, by the benchmark's node id."""

    benchmarks: dict[str, Profile]


class Cost(Record):
    """What a function or an operator costs on both sides.

    Attributes:
        before: instructions per call in the baseline; None if it is not called there.
        after: instructions per call in the candidate; None if it is not called there.
    """

    before: Instructions | None
    after: Instructions | None

    @property
    def change(self) -> float:
        """Instructions per call that the candidate has more."""
        return (self.after or 0.0) - (self.before or 0.0)


class OperatorCost(Cost):
    """What an operator costs on both sides, with all that it calls.

    Attributes:
        name: name of the operator.
        calls_before: number of calls in the baseline; None if it is not called there.
        calls_after: number of calls in the candidate; None if it is not called there.
    """

    name: str
    calls_before: Instructions | None
    calls_after: Instructions | None


class FunctionCost(Cost):
    """What a function itself costs on both sides.

    Attributes:
        name: name of the function.
        library: file name of its library, in the candidate if it is there.
        operator: nearest Paddle operator that called it, in the candidate if it is there.
    """

    name: str
    library: str
    operator: str = ""


def functions_file(path: Path) -> Path:
    """Return the path of the functions beside a process's result file."""
    return path.with_suffix(".functions.json")


class Explanation(NamedTuple):
    """What explains the difference between two profiles; what grew most comes first."""

    operators: list[OperatorCost]
    functions: list[FunctionCost]


def explain(before: Profile, after: Profile) -> Explanation:
    """Compare two profiles of a benchmark."""
    sides = before, after
    ran, runs = ({each.name: each for each in side.operators} for side in sides)
    operators = [
        OperatorCost(
            name=name,
            before=ran[name].cost if name in ran else None,
            after=runs[name].cost if name in runs else None,
            calls_before=ran[name].calls if name in ran else None,
            calls_after=runs[name].calls if name in runs else None,
        )
        for name in {**ran, **runs}
    ]
    old, new = ({(each.name, each.library): each for each in side.functions} for side in sides)
    added: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key in new.keys() - old.keys():
        added[key[0]].append(key)
    for key in sorted(old.keys() - new.keys()):
        # A function that has moved to another library, or a library with another name.
        moved = added.pop(key[0], [])
        if len(moved) == 1 and key[0] != NO_SYMBOLS:
            new[key] = new.pop(moved[0])
    functions = [
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
        sorted(operators, key=lambda cost: (-cost.change, cost.name)),
        sorted(functions, key=lambda cost: (-cost.change, cost.name, cost.library)),
    )
