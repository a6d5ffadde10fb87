"""Every reader of files, with damaged and forged ones; hypothesis chooses and simplifies them.

Two of three files are structured changes of valid ones, with their checksums repaired; the others
have changed bytes.
"""

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.mutations import CHANGES, bytes_changed
from tests.fuzz.readers import READERS
from tests.fuzz.result_readers import Reader

TIME_LIMIT = 10.0  # In seconds of the processor; a usual file takes a millisecond.
MEMORY_LIMIT = 2**26  # In bytes.
# Of each change; hypothesis chooses small numbers more often from a larger range.
seeds = st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=3)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_reader_ends_in_its_result_or_its_documented_error(reader: Reader, tmp_path: Path) -> None:
    """Valid files load; changed ones neither raise another error nor break an invariant.

    They take little time and memory, and no error has a raw or long text of the file. One that
    takes too long ends the process by SIGPROF, and is the last one in the temporary folder.
    """
    path = tmp_path / f"{reader.name}.{reader.suffix}"
    valid: list[bytes] = []
    for write in reader.write:
        write(path)
        valid.append(path.read_bytes())
        reader.check(reader.read(path))
    changes = [*[CHANGES[reader.suffix]] * 2, bytes_changed]

    @given(st.integers(0, len(valid) - 1), st.sampled_from(changes), seeds)
    def read_changed(number: int, change: Callable[..., bytes], seeds: list[int]) -> None:
        content = valid[number]
        for seed in seeds:
            with suppress(Exception):  # The change before left nothing to parse.
                content = change(content, Random(seed))  # noqa: S311
        path.write_bytes(content)
        before, message = peak(), ""
        alarm(TIME_LIMIT)
        try:
            reader.check(reader.read(path))
        except reader.errors as error:
            message = str(error)
        finally:
            alarm(0)

        assert message == "" or message.isprintable()
        assert len(message) <= 2000
        assert peak() - before < MEMORY_LIMIT

    read_changed()


def alarm(seconds: float) -> None:
    """End this process after this time, where the system can; 0 stops the clock."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def peak() -> int:
    """The largest memory of this process so far, in bytes; 0 if the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else 1024 * size
