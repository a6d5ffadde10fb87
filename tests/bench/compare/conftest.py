"""Fixtures of the tests of comparisons."""

import pytest

from benchmarks.compare import verdicts


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use only as many resamples as the first looks need."""
    monkeypatch.setattr(verdicts, "RESAMPLES", 20_000)
