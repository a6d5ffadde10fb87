"""What every command does: it catches signals, guards its output, and returns an exit status."""

import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

from rnn_core.commands.console import guard_console
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime import files
from rnn_core.runtime.interrupts import blocked_signals, catch_signals, ignore_signals, received
from rnn_core.runtime.messages import complain
from rnn_core.runtime.versions import import_paddle


def run_program(module: str, prepare: Callable[[], object] | None = None) -> NoReturn:
    """Run the `main` of a module, and exit with its status.

    SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt; the command then ends with one line and the
    status that shells report. An unexpected error ends with its traceback and `WRONG_INPUT`, since
    Python's own status would mean a finding.

    Args:
        module: name of the module, imported only here.
        prepare: function to call before the import of Paddle.
    """
    output = guard_console()
    status: int
    try:
        with blocked_signals():
            catch_signals()
            if prepare is not None:
                prepare()
            import_paddle()
            main = import_module(module).main
            catch_signals()  # Again, since Paddle has installed its own handler of SIGTERM.
        try:
            status = main()
        finally:
            ignore_signals()
    except SystemExit as ended:  # From argparse, or with a text from a user's module.
        if isinstance(ended.code, str):
            complain(ended.code)
            status = ExitStatus.WRONG_INPUT
        else:
            status = ended.code or ExitStatus.OK
    except KeyboardInterrupt:
        ignore_signals()  # A second Ctrl-C may have come before.
        status = ExitStatus.INTERRUPTED
    except Exception as error:
        status = ExitStatus.WRONG_INPUT
        if received() is not None:  # Paddle turns KeyboardInterrupt into errors of its own.
            status = ExitStatus.INTERRUPTED
        elif isinstance(error, ImportError | MemoryError):
            complain(str(error) or type(error).__name__)
        else:
            traceback.print_exc()
    sys.stdout.flush()
    came = received()
    if status == ExitStatus.INTERRUPTED and came is not None:
        status = ExitStatus(128 + came)
        print(f"interrupted by {came.name}", file=sys.stderr)
    if status == ExitStatus.OK and output.failure is not None and not files.any_written():
        status = ExitStatus.NOT_WRITTEN
        complain(f"cannot print: {output.failure}")
    sys.exit(status)
