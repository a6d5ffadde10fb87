"""Known defects of the versions of Paddle on the page: what an upgrade breaks and mends.

docs/defects has a small program for each defect; `python -m tests.known_defects` runs them and
writes what they find.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from benchmarks import ROOT
from benchmarks.report.matrix import version

KNOWN = ROOT / "docs" / "defects" / "defects.json"


class Defect(NamedTuple):
    """One defect.

    Attributes:
        name: short name, and that of its program.
        what: what is wrong.
        there: for each checked version of Paddle, whether it has the defect.
    """

    name: str
    what: str
    there: dict[str, bool]


class Upgrade(NamedTuple):
    """Names of the defects that one of two versions of Paddle has and the other has not."""

    before: str
    after: str
    breaks: list[str]
    mends: list[str]


class Known(NamedTuple):
    """The defects as the page shows them.

    Attributes:
        versions: versions of Paddle, the oldest first.
        upgrades: upgrades from each checked version to the next.
        groups: defects that an upgrade has "broken" or "mended", and those that are "unchanged".
    """

    versions: list[str]
    upgrades: list[Upgrade]
    groups: dict[str, list[Defect]]


def load() -> dict[str, Any]:
    """The content of the file: what each defect is, and what each check found."""
    known: dict[str, Any] = json.loads(KNOWN.read_text(encoding="utf-8"))
    return known


def defects_of(known: dict[str, Any]) -> list[Defect]:
    """The table of defects. A version has a defect if a check with any Python found it."""
    defects = [Defect(name, what, {}) for name, what in known["defects"].items()]
    for check in known["checks"]:
        for defect in defects:
            if defect.name in check["there"] + check["gone"]:
                found = defect.name in check["there"]
                before = defect.there.get(check["paddle"], False)
                defect.there[check["paddle"]] = found or before
    return defects


def upgrade(defects: Iterable[Defect], before: str, after: str) -> Upgrade:
    """Compare two versions; a defect that was not checked on both counts as unchanged."""
    found = [(each.name, each.there.get(before), each.there.get(after)) for each in defects]
    breaks = [name for name, old, new in found if (old, new) == (False, True)]
    mends = [name for name, old, new in found if (old, new) == (True, False)]
    return Upgrade(before, after, breaks, mends)


def known_of(defects: Sequence[Defect], paddles: Iterable[str]) -> Known:
    """What the page shows: the versions with results, and the newest version that was checked.

    Args:
        defects: the table of defects.
        paddles: the versions that have results.
    """
    checked = {each for defect in defects for each in defect.there}
    versions = sorted({*paddles, max(checked, key=version)}, key=version)
    used = [each for each in versions if each in checked]
    upgrades = [upgrade(defects, *pair) for pair in pairwise(used)]
    groups: dict[str, list[Defect]] = {"broken": [], "mended": [], "unchanged": []}
    for defect in defects:
        broken = any(defect.name in each.breaks for each in upgrades)
        mended = any(defect.name in each.mends for each in upgrades)
        groups["broken" if broken else "mended" if mended else "unchanged"].append(defect)
    return Known(versions, upgrades, groups)
