"""A short run of the fuzzer, and the fuzzer itself: it finds bugs planted into readers."""

from pathlib import Path

import pytest

from tests.fuzz.engine import Fuzzer, Reader
from tests.fuzz.readers import READERS


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_reader_ends_in_its_result_or_its_documented_error(reader: Reader, tmp_path: Path) -> None:
    """Valid files load; 30 changed files neither raise another error nor break an invariant."""
    fuzzer = Fuzzer(reader, 0, tmp_path)
    for _ in range(30):
        fuzzer.try_one()

    assert not fuzzer.found.problems
    assert fuzzer.found.structured >= 10
