"""What the functions of a benchmark cost on two sides."""

from pathlib import Path

from benchmarks.instructions.functions import (
    NO_SYMBOLS,
    Function,
    FunctionCost,
    Operator,
    OperatorCost,
    Profile,
    explain,
    functions_file,
)


def test_functions_are_matched_by_name_and_library_or_by_name() -> None:
    """Those that grew most come first; one that only one side has has no cost on the other."""
    before = (
        Function(name="same", library="libpaddle.so", cost=100.0, operator="old"),
        Function(name="gone", library="libpaddle.so", cost=30.0, operator="tanh"),
        Function(name="moved", library="libpaddle.so", cost=5.0),
        Function(name=NO_SYMBOLS, library="libold.so", cost=4.0),
    )
    after = (
        Function(name="same", library="libpaddle.so", cost=90.0, operator="new"),
        Function(name="moved", library="libphi.so", cost=6.0),
        Function(name=NO_SYMBOLS, library="libnew.so", cost=3.0),
        Function(name="added", library="libphi.so", cost=50.0, operator="matmul"),
    )
    found = explain(
        Profile(operators=(), functions=before), Profile(operators=(), functions=after)
    ).functions

    def cost(
        name: str, library: str, old: float | None, new: float | None, operator: str = ""
    ) -> FunctionCost:
        return FunctionCost(name=name, library=library, before=old, after=new, operator=operator)

    assert found == [
        cost("added", "libphi.so", None, 50.0, "matmul"),
        cost(NO_SYMBOLS, "libnew.so", None, 3.0),
        cost("moved", "libphi.so", 5.0, 6.0),
        cost(NO_SYMBOLS, "libold.so", 4.0, None),
        cost("same", "libpaddle.so", 100.0, 90.0, "new"),
        cost("gone", "libpaddle.so", 30.0, None, "tanh"),
    ]
    assert [each.change for each in found] == [50, 3, 1, -4, -10, -30]
    assert functions_file(Path("a/1.json")) == Path("a/1.functions.json")


def test_operators_are_matched_by_name() -> None:
    """Those that grew most come first, with the number of their calls on both sides."""
    before, after = (
        Profile(
            functions=(),
            operators=tuple(Operator(name=name, cost=cost, calls=3.0) for name, cost in operators),
        )
        for operators in ((("tanh", 90.0), ("gone", 10.0)), (("tanh", 100.0), ("assign", 50.0)))
    )

    assert explain(before, after).operators == [
        OperatorCost(name="assign", before=None, after=50, calls_before=None, calls_after=3),
        OperatorCost(name="tanh", before=90, after=100, calls_before=3, calls_after=3),
        OperatorCost(name="gone", before=10, after=None, calls_before=3, calls_after=None),
    ]
