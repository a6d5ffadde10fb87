"""The file that records which tests pytest was asked to run, where it ran, and how it ended.

pytest writes it when the run begins and again when it ends, so that an unfinished run can be
recognised.
"""

from typing import Literal, get_args

from benchmarks.saved.records import Count, Date, Record

Format = Literal["rnn_core run 2"]
[FORMAT] = get_args(Format)


class Selection(Record):
    """Which tests were asked for, as pytest knows it.

    Attributes:
        source: origin of the paths: ARGS, INVOCATION_DIR or TESTPATHS.
        paths: files and folders that were asked for.
        whole: paths of the whole suite.
        options: options that leave out tests without deselecting them, such as `--ignore`.
        deselected: number of tests that were deselected although they are not marked slow.
        stopped: reason why the run stopped before its last test; empty if it did not.
    """

    source: str
    paths: tuple[str, ...]
    whole: tuple[str, ...]
    options: tuple[str, ...]
    deselected: Count = 0
    stopped: str = ""

    @property
    def partial(self) -> bool:
        """Whether some of the suite's tests were left out."""
        paths = self.source == "TESTPATHS" or set(self.whole) <= set(self.paths)
        return not paths or bool(self.options or self.deselected or self.stopped)


class RunFile(Record):
    """A run of pytest.

    Attributes:
        format: version of the file's format.
        date: date and time at which the run began.
        arguments: command line.
        environments: facts of the environment of each device.
        selection: tests that were asked for.
        expected: files that the run should write.
        exit_status: pytest's exit status; None until the run ends, or if it did not finish.
    """

    format: Format = FORMAT
    date: Date
    arguments: tuple[str, ...]
    environments: dict[str, dict[str, str]]
    selection: Selection
    expected: tuple[str, ...]
    exit_status: int | None = None
