"""Wrong command lines: one assertion for all commands."""

from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO


def assert_rejected(
    main: Callable[[Sequence[str]], int], arguments: Sequence[str], message: str
) -> None:
    """Assert that a command refuses its arguments: status 2, `message` on stderr, no output.

    Both ways to refuse are accepted: argparse's, which raises SystemExit, and a returned status.
    """
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as error:
        try:
            status: object = main(arguments)
        except SystemExit as ended:
            status = ended.code

    assert status == 2
    assert out.getvalue() == ""
    assert message in " ".join(error.getvalue().split())
