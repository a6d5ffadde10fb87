"""Which known defects an upgrade of Paddle breaks and mends."""

from benchmarks.known_defects import Defect, Upgrade
from benchmarks.report.defects import known_of

OLD, NEW, NEWEST = "3.9.0", "3.10.0", "3.11.1"
DEFECTS = [
    Defect("everywhere", "", {OLD: True, NEW: True, NEWEST: True}),
    Defect("mended", "", {OLD: True, NEW: True, NEWEST: False}),
    Defect("regression", "", {OLD: False, NEW: True, NEWEST: True}),
    Defect("returned", "", {OLD: True, NEW: False, NEWEST: True}),
    Defect("unchecked", "", {OLD: True, NEWEST: False}),
]


def test_upgrades_lead_from_each_checked_version_to_the_next() -> None:
    """Versions that were not checked are columns only; 3.9 comes before 3.10."""
    known = known_of(DEFECTS, [NEW, "3.10.1", OLD, OLD])

    assert known.versions == [OLD, NEW, "3.10.1", NEWEST]
    assert known.upgrades == [
        Upgrade(OLD, NEW, breaks=["regression"], mends=["returned"]),
        Upgrade(NEW, NEWEST, breaks=["returned"], mends=["mended"]),
    ]


def test_defects_that_an_upgrade_breaks_come_first() -> None:
    """Only the versions with results, and the newest, count."""

    def groups(*paddles: str) -> dict[str, list[str]]:
        known = known_of(DEFECTS, paddles)
        return {group: [each.name for each in found] for group, found in known.groups.items()}

    assert groups(OLD, NEW) == {
        "broken": ["regression", "returned"],
        "mended": ["mended"],
        "unchanged": ["everywhere", "unchecked"],
    }
    assert groups(OLD) == {
        "broken": ["regression"],
        "mended": ["mended", "unchecked"],
        "unchanged": ["everywhere", "returned"],
    }
    assert groups()["unchanged"] == [each.name for each in DEFECTS]
