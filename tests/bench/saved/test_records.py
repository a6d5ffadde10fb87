"""Reading JSON files that may be damaged: what is refused, and the message."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.saved.records import Count, Date, Record, Seconds, read_json


class Inner(Record):
    """A part of the file."""

    seconds: Seconds


class Example(Record):
    """A file with a field of each kind."""

    name: str
    when: Date
    count: Count
    flag: bool
    share: float | None
    parts: tuple[Inner, ...]


VALID: dict[str, Any] = {
    "name": "a",
    "when": "2026-11-25T12:00:00",
    "count": 2,
    "flag": True,
    "share": None,
    "parts": [{"seconds": 1}],
}


def read(folder: Path, text: str) -> Example:
    """Read a file with this content."""
    (folder / "example.json").write_text(text, encoding="utf-8")
    return Example.load(folder / "example.json")


def test_a_valid_file_is_read(tmp_path: Path) -> None:
    """1 is also a float, and unknown fields are ignored."""
    found = read(tmp_path, json.dumps({**VALID, "more": [1]}))

    assert found.parts == (Inner(seconds=1.0),)


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


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", 3, "name: input should be a valid string, got 3"),
        ("when", "soon", "when: input should be a valid datetime"),
        ("when", 1764072000, "when: input should be a valid datetime, got 1764072000"),
        ("when", "0001-01-01T00:00:00+23:59", "when: value error, the date must be in the years"),
        ("when", "3000-01-01T00:00:00", "when: value error, the date must be in the years"),
        ("count", -1, "count: input should be greater than or equal to 0, got -1"),
        ("count", 1.0, "count: input should be a valid integer, got 1.0"),
        ("count", True, "count: input should be a valid integer, got True"),
        ("count", "2", "count: input should be a valid integer, got '2'"),
        ("flag", 1, "flag: input should be a valid boolean, got 1"),
        ("share", float("nan"), "invalid JSON: NaN is not JSON"),
        ("share", True, "share: input should be a valid number, got True"),
        ("parts", {}, "parts: input should be a valid"),
        ("parts", [{}], "parts.0.seconds is missing"),
        ("parts", [{"seconds": -0.5}], "parts.0.seconds: input should be greater than or eq"),
        ("name", ["x" * 100], "name: input should be a valid string, got ['xxx"),
    ],
)
def test_invalid_field_is_named(field: str, value: Any, message: str, tmp_path: Path) -> None:
    """The message names the field, what is allowed and what was found, in one short line."""
    with pytest.raises(ValueError, match="^") as refused:
        read(tmp_path, json.dumps({**VALID, field: value}))

    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 130


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ('{"name": ', "invalid JSON: "),
        ("[1]", "the file: input should be an object"),
        ("null", "the file: input should be an object"),
        (json.dumps({**VALID, "share": 0.5}).replace("0.5", "1e999"), "share: input should be"),
    ],
)
def test_damaged_json_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """Whatever a file holds, the error is a ValueError with a short message."""
    with pytest.raises(ValueError, match="^") as refused:
        read(tmp_path, text)

    assert str(refused.value).startswith(message)


def test_control_characters_are_escaped(tmp_path: Path) -> None:
    """They could change the terminal; a lone surrogate cannot be printed at all."""
    found = read(tmp_path, json.dumps({**VALID, "name": "a\x1b[31m\n\u202e\ud800ü"}))

    assert found.name == r"a\x1b[31m\n\u202e\ud800ü"
    (tmp_path / "a.json").write_text(r'["\n", {"error": "\n\u0007", "\n": "\n"}]', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == [r"\n", {"error": "\n\\x07", r"\n": r"\n"}]
