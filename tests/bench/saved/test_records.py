"""Reading JSON files: dates and control characters; tests/recorded has what is refused."""

import json
import time
from pathlib import Path

import pytest

from benchmarks.saved.records import Date, Record, read_json


class Example(Record):
    """A file."""

    name: str
    when: Date


VALID = {"name": "a", "when": "2026-11-25T12:00:00"}


def read(folder: Path, text: str) -> Example:
    """Read a file with this content."""
    (folder / "example.json").write_text(text, encoding="utf-8")
    return Example.load(folder / "example.json")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change the time zone")
@pytest.mark.parametrize("when", ["2000-01-01T12:00:00", "2000-01-01T13:30:00+01:30"])
def test_dates_are_in_utc(when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one without a zone, wherever it is read."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "AAA-9")
        time.tzset()
        found = read(tmp_path, json.dumps({**VALID, "when": when}))
    time.tzset()

    assert found.when.isoformat() == "2000-01-01T12:00:00+00:00"


def test_control_characters_are_escaped(tmp_path: Path) -> None:
    """They could change the terminal; a lone surrogate cannot be printed at all."""
    found = read(tmp_path, json.dumps({**VALID, "name": "a\x1b[31m\n\u202e\ud800ü"}))

    assert found.name == r"a\x1b[31m\n\u202e\ud800ü"
    (tmp_path / "a.json").write_text(r'["\n", {"error": "\n\u0007", "\n": "\n"}]', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == [r"\n", {"error": "\n\\x07", r"\n": r"\n"}]
