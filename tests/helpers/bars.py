"""A stand-in for progress bars."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

MOST = 6  # States that are printed.


class Bar:
    """A progress bar, called like `tqdm`, that prints its states when it ends."""

    def __init__(self, items: Iterable[object] = (), **settings: Any) -> None:
        self.items, self.settings, self.total = items, settings, settings.get("total")
        self.n, self.text = 0, ""
        self.states: list[str] = []

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[object]:
        for item in self.items:
            yield item
            self.update()
        self.close()

    def close(self) -> None:
        """Print the settings and the states, but only the first and the last of many."""
        states = [state for state, _ in groupby(self.states)]
        if len(states) > MOST:
            states[MOST // 2 : -MOST // 2] = [f"... {len(states) - MOST} more ..."]
        print("bar:", self.settings, "; ".join(states) or "nothing")

    def refresh(self) -> None:
        """Show the state."""
        self.states.append(f"{self.n} of {self.total}{self.text}")

    def update(self, more: int = 1) -> None:
        """Move by some steps, and show the state."""
        self.n += more
        self.refresh()

    def set_postfix(self, refresh: bool = True, **values: object) -> None:
        """Set the values beside the bar."""
        self.set_postfix_str(f"{values}", refresh)

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """Set the text beside the bar."""
        self.text = f" {text}"
        if refresh:
            self.refresh()

    def set_description(self, text: str) -> None:
        """Set the text before the bar."""
        self.states.append(f"at {text}")
