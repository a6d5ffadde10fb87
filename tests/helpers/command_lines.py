"""Wrong command lines: one assertion for all commands."""

from collections.abc import Callable, Sequence

import pytest


def assert_rejected(
    main: Callable[[Sequence[str]], int],
    arguments: Sequence[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Assert that a command refuses its arguments: status 2, `message` on stderr, no output.

    Both ways to refuse are accepted: argparse's, which raises SystemExit, and a returned status.
    """
    try:
        status: object = main(arguments)
    except SystemExit as ended:
        status = ended.code
    captured = capsys.readouterr()

    assert status == 2
    assert captured.out == ""
    assert message in " ".join(captured.err.split())
