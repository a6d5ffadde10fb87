"""Kinds of mutants that mutmut does not have: small mistakes that its own do not resemble."""

from collections.abc import Callable, Iterator
from typing import Any

import libcst as cst
import libcst.matchers as m

# The last statement of a round, after which nothing else runs.
LEAVING = m.SimpleStatementLine([m.Return() | m.Raise() | m.Continue() | m.Break()])


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
    """A loop that ends after its first round, unless each round ends by itself."""
    if isinstance(node.body, cst.IndentedBlock) and not m.matches(node.body.body[-1], LEAVING):
        end = cst.SimpleStatementLine([cst.Break()])
        yield node.with_changes(body=node.body.with_changes(body=[*node.body.body, end]))


def unfiltered(node: cst.CompFor) -> Iterator[cst.CompFor]:
    """All elements, instead of those that a condition selects."""
    if node.ifs:
        yield node.with_changes(ifs=[])


def one_left_out(node: cst.For | cst.CompFor) -> Iterator[cst.For | cst.CompFor]:
    """The first element is left out, or the last."""
    everything = cst.List([cst.StarredElement(grouped(node.iter))])
    for lower, upper in ((ONE, None), (None, cst.UnaryOperation(cst.Minus(), ONE))):
        others = cst.SubscriptElement(cst.Slice(lower, upper))
        yield node.with_changes(iter=cst.Subscript(everything, [others]))


def fewer_exceptions(node: cst.ExceptHandler) -> Iterator[cst.ExceptHandler]:
    """One of the exceptions is not handled."""
    if node.type is not None:
        several = node.type.elements if isinstance(node.type, cst.Tuple) else None
        kinds = several or [cst.Element(node.type)]
        for left_out in range(len(kinds)):
            others = [kind for place, kind in enumerate(kinds) if place != left_out]
            yield node.with_changes(type=cst.Tuple(others))


def without_end(node: cst.Try) -> Iterator[cst.Try]:
    """What must be done in any case is not done after an error."""
    if node.finalbody is not None:
        nothing = cst.IndentedBlock([cst.SimpleStatementLine([cst.Pass()])])
        yield node.with_changes(finalbody=node.finalbody.with_changes(body=nothing))


def never(node: cst.If) -> Iterator[cst.If]:
    """A condition that is never true: that of a check, an early return or a special case."""
    yield node.with_changes(test=cst.BooleanOperation(grouped(node.test), cst.And(), FALSE))


def without_context(node: cst.With) -> Iterator[cst.With | cst.If]:
    """A context, such as a lock or a mode, is not entered."""
    for left_out, item in enumerate(node.items):
        others = [other for place, other in enumerate(node.items) if place != left_out]
        if item.asname is None and others:
            last = others.pop().with_changes(comma=cst.MaybeSentinel.DEFAULT)
            yield node.with_changes(items=[*others, last])
        elif item.asname is None:
            yield cst.If(cst.Name("True"), node.body)


def opposite(node: cst.Call) -> Iterator[cst.Call]:
    """The smallest for the largest, or one for all."""
    if isinstance(node.func, cst.Name) and node.func.value in OPPOSITES:
        yield node.with_changes(func=cst.Name(OPPOSITES[node.func.value]))


def unformatted(node: cst.FormattedStringExpression) -> Iterator[cst.FormattedStringExpression]:
    """A number without its format, a text without quotes."""
    if node.format_spec is not None:
        yield node.with_changes(format_spec=None)
    if node.conversion is not None:
        yield node.with_changes(conversion=None)


def unbounded(node: cst.Slice) -> Iterator[cst.Slice]:
    """A slice begins with the first element, or ends with the last."""
    if node.lower is not None:
        yield node.with_changes(lower=None)
    if node.upper is not None:
        yield node.with_changes(upper=None)


def as_it_is(node: cst.Call) -> Iterator[cst.BaseExpression]:
    """A value that is used as it is: with its sign, its unprintable characters, or shared."""
    name = getattr(node.func, "value", None) if len(node.args) == 1 else None
    if name in CONVERSIONS and node.args[0].keyword is None and not node.args[0].star:
        yield grouped(node.args[0].value)
    method = node.func if isinstance(node.func, cst.Attribute) else None
    if method and method.attr.value in CONVERTING_METHODS and not node.args:
        yield method.value


def one_condition(node: cst.BooleanOperation) -> Iterator[cst.BaseExpression]:
    """One of two conditions decides alone; a value has no default."""
    yield from (grouped(node.left), grouped(node.right))


def one_case(node: cst.IfExp) -> Iterator[cst.BaseExpression]:
    """A value that depends on a condition is always the same one."""
    yield from (grouped(node.body), grouped(node.orelse))


def one_part(node: cst.BinaryOperation) -> Iterator[cst.BaseExpression]:
    """A union has only one of its parts."""
    if isinstance(node.operator, cst.BitOr):
        yield from (grouped(node.left), grouped(node.right))


def other_end(node: cst.Index) -> Iterator[cst.Index]:
    """The last for the first, or the first for the last."""
    ends = {"0": cst.UnaryOperation(cst.Minus(), ONE), "-1": cst.Integer("0")}
    value = cst.Module([]).code_for_node(node.value)
    if value in ends:
        yield node.with_changes(value=ends[value])


def grouped(node: cst.BaseExpression) -> cst.BaseExpression:
    """The expression in parentheses."""
    return node.with_changes(
        lpar=[cst.LeftParen(), *node.lpar], rpar=[*node.rpar, cst.RightParen()]
    )


FALSE = cst.Name("False")
ONE = cst.Integer("1")
OPPOSITES = {"all": "any", "any": "all", "max": "min", "min": "max"}
CONVERSIONS = {"abs", "dict", "plain", "printable", "round", "set", "shown", "significant"}
CONVERTING_METHODS = {
    *("absolute", "capitalize", "clone", "copy", "detach", "exists", "is_dir", "is_file", "lower"),
    *("ravel", "resolve", "rstrip", "strip", "upper"),
}
KINDS: tuple[tuple[type[cst.CSTNode], Callable[[Any], Iterator[cst.CSTNode]]], ...] = (
    (cst.Expr, without_call),
    (cst.Call, unsorted),
    (cst.For, first_round_only),
    (cst.CompFor, unfiltered),
    (cst.For, one_left_out),
    (cst.CompFor, one_left_out),
    (cst.ExceptHandler, fewer_exceptions),
    (cst.Try, without_end),
    (cst.If, never),
    (cst.With, without_context),
    (cst.Call, opposite),
    (cst.FormattedStringExpression, unformatted),
    (cst.Slice, unbounded),
    (cst.Call, as_it_is),
    (cst.BooleanOperation, one_condition),
    (cst.IfExp, one_case),
    (cst.BinaryOperation, one_part),
    (cst.Index, other_end),
)
