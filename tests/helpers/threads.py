"""Calls in another thread."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def in_another_thread(call: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What a function returns in a new thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call, *arguments, **named).result()
