"""Kinds of mutants that mutmut does not have: small mistakes that its own do not resemble."""

from collections.abc import Callable, Iterator
from typing import Any

import libcst as cst

NONE = "None"


def falsy_for_none(node: cst.Comparison) -> Iterator[cst.BaseExpression]:
    """`x is None` also where x is 0 or empty."""
    if len(node.comparisons) != 1:
        return
    operator, right = node.comparisons[0].operator, node.comparisons[0].comparator
    if not isinstance(right, cst.Name) or right.value != NONE:
        return
    if isinstance(operator, cst.Is):
        yield cst.UnaryOperation(cst.Not(), node.left, lpar=node.lpar, rpar=node.rpar)
    elif isinstance(operator, cst.IsNot):
        yield cst.Call(cst.Name("bool"), [cst.Arg(node.left)], lpar=node.lpar, rpar=node.rpar)


def without_call(node: cst.Expr) -> Iterator[cst.Pass]:
    """A statement that only calls something is missing."""
    if isinstance(node.value, cst.Call):
        yield cst.Pass()


def unsorted(node: cst.Call) -> Iterator[cst.Call]:
    """Values in the order in which they come, instead of sorted."""
    if isinstance(node.func, cst.Name) and node.func.value == "sorted":
        first = node.args[0].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        yield node.with_changes(func=cst.Name("list"), args=[first])


def first_round_only(node: cst.For) -> Iterator[cst.For]:
    """A loop that ends after its first round."""
    if isinstance(node.body, cst.IndentedBlock):
        end = cst.SimpleStatementLine([cst.Break()])
        yield node.with_changes(body=node.body.with_changes(body=[*node.body.body, end]))


def unfiltered(node: cst.CompFor) -> Iterator[cst.CompFor]:
    """All elements, instead of those that a condition selects."""
    if node.ifs:
        yield node.with_changes(ifs=[])


def fewer_exceptions(node: cst.ExceptHandler) -> Iterator[cst.ExceptHandler]:
    """One of several exceptions is not handled."""
    if isinstance(node.type, cst.Tuple):
        kinds = node.type.elements
        for left_out in range(len(kinds)):
            others = [kind for place, kind in enumerate(kinds) if place != left_out]
            yield node.with_changes(type=node.type.with_changes(elements=others))


def without_end(node: cst.Try) -> Iterator[cst.Try]:
    """What must be done in any case is not done after an error."""
    if node.finalbody is not None:
        nothing = cst.IndentedBlock([cst.SimpleStatementLine([cst.Pass()])])
        yield node.with_changes(finalbody=node.finalbody.with_changes(body=nothing))


KINDS: tuple[tuple[type[cst.CSTNode], Callable[[Any], Iterator[cst.CSTNode]]], ...] = (
    (cst.Comparison, falsy_for_none),
    (cst.Expr, without_call),
    (cst.Call, unsorted),
    (cst.For, first_round_only),
    (cst.CompFor, unfiltered),
    (cst.ExceptHandler, fewer_exceptions),
    (cst.Try, without_end),
)
