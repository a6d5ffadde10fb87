"""Exit statuses, the same for every command of the project."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a command's exit status means.

    Attributes:
        OK: done, and nothing was found that a reader must act on.
        FINDING: done, with a finding: slower, different, grows, not finite.
        WRONG_INPUT: wrong options or input, or the work could not be done. argparse uses 2 too.
        NOT_WRITTEN: a file could not be written, or nothing could be printed and no file holds the
            result.
        CANNOT_TELL: done, but the measurements do not decide.
        HUNG_UP: ended by SIGHUP (the terminal is gone), as shells report it.
        INTERRUPTED: ended by SIGINT (Ctrl-C), as shells report it.
        TERMINATED: ended by SIGTERM, as shells report it.
    """

    OK = 0
    FINDING = 1
    WRONG_INPUT = 2
    NOT_WRITTEN = 3
    CANNOT_TELL = 4
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143
