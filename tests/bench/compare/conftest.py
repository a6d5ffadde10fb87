"""Fixtures of the tests of comparisons."""

import os

import pytest

from benchmarks.compare import verdicts


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use only as many resamples as the first looks need; do not wait for the disk."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 20_000)
    monkeypatch.setattr(os, "fsync", lambda _: None)
