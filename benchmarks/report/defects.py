"""Known defects of the versions of Paddle on the page: what an upgrade breaks and mends."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks.known_defects import Defect, Upgrade, upgrade
from benchmarks.text import version


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
