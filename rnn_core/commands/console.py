"""Standard output and standard error that never fail."""

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO


class Discarding(io.FileIO):
    """A file that discards what cannot be written.

    Attributes:
        failure: last error; None if there was none. A reader that has enough, as in `| head`, is
            not an error.
    """

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write the data, or discard them."""
        try:
            written: int | None = super().write(data)
        except BrokenPipeError:
            return len(data)
        except OSError as error:
            self.failure = error
            return len(data)
        return len(data) if written is None else written


def guard_console() -> Discarding:
    """Replace `sys.stdout` and `sys.stderr`, and return the file behind `sys.stdout`.

    What cannot be written is discarded, and what cannot be encoded is escaped. So no print ends a
    command, whether the disk is full, the terminal is gone, or the stream was closed.

    Called at exit, it also keeps the exit status of a program that put the first streams back:
    Python itself ends with 120 if it cannot flush them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # noqa: PERF203
            # Otherwise the next file that is opened would get the number of a standard stream, and
            # what libraries print. Writing to it fails, as it should.
            os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)
    output, error = _file(sys.stdout, 1), _file(sys.stderr, 2)
    unbuffered = getattr(sys.stdout, "write_through", False)  # With PYTHONUNBUFFERED.
    sys.stdout = _text(output, sys.stdout, line_buffering=output.isatty() or unbuffered)
    sys.stderr = _text(error, sys.stderr, line_buffering=True)
    return output


def _file(stream: TextIO | None, number: int) -> Discarding:
    """The file behind a stream, or that with this number if Python has none."""
    return Discarding(number if stream is None else stream.fileno(), "wb", closefd=False)


def _text(file: Discarding, stream: TextIO | None, line_buffering: bool) -> TextIO:
    if stream is not None:
        with suppress(OSError):
            stream.flush()
    encoding = "utf-8" if stream is None else stream.encoding
    buffer = io.BufferedWriter(file)
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=line_buffering)
