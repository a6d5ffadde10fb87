"""Keeps the outcomes of a serial run if a test ends the process."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import LogXML, xml_key

from benchmarks.saved.result_files import CRASHED

END = b"</testsuite></testsuites>"


class RunningOutcomes:
    """Keeps a whole file of JUnit XML during the run; pytest itself writes it only at the end.

    A test counts as crashed until it has run. A process with xdist's workers needs none of this: it
    outlives them.
    """

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self.xml, self.path = config.stash[xml_key], path
        self.end = self.finished = 0
        self.unwritten = b"<testsuites><testsuite>"
        self._write()

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Write the test as crashed."""
        message = f"{CRASHED}: the process ended during this test"
        crashed = LogXML("", None)
        crashed.pytest_runtest_logreport(
            pytest.TestReport(nodeid, location, {}, "failed", message, "call")
        )
        self._write(_xml(crashed.node_reporters_ordered))  # Until the outcome takes its place.

    def pytest_runtest_logfinish(self) -> None:
        """Write the test's outcome."""
        new = self.xml.node_reporters_ordered[self.finished :]
        self.finished += len(new)
        self.unwritten += _xml(new)
        self._write()

    def _write(self, for_now: bytes = b"") -> None:
        with suppress(OSError):  # Such as a full disk: the next time, more is written.
            with self.path.open("r+b" if self.end else "wb") as file:
                file.seek(self.end)
                file.write(self.unwritten + for_now + END)
                file.truncate()
            self.end += len(self.unwritten)
            self.unwritten = b""


def _xml(cases: Iterable[Any]) -> bytes:
    return b"".join(ET.tostring(each.to_xml()) for each in cases)
