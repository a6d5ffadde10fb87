"""Local times of another zone, and a clock that stands still."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest


@contextmanager
def time_zone(name: str) -> Iterator[None]:
    """Let local times be those of a zone such as "UTC" or "AAA-9", nine hours ahead."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TZ", name)
            time.tzset()
            yield
    finally:
        time.tzset()


def clock(moment: datetime) -> Any:
    """A stand-in for `datetime` in a module; local times are nine hours ahead of UTC."""
    here = (moment + timedelta(hours=9)).replace(tzinfo=None)
    return SimpleNamespace(now=lambda zone=None: moment.astimezone(zone) if zone else here)
