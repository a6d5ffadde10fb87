"""List or remove the environments that comparisons made: python -m benchmarks.environments.

docs/guides/comparing.md says when one is made.
"""

from collections.abc import Sequence

from benchmarks.commands.parser import make_parser
from benchmarks.environments.store import STORE, kept_environments, remove_environment
from benchmarks.text import columns
from rnn_core.commands.status import ExitStatus
from rnn_core.runtime.messages import complain

ALL = "all"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: listed or removed; 2: wrong arguments, or an environment cannot be removed.
    """
    parser = make_parser("environments", __doc__)
    parser.add_argument(
        "--remove",
        nargs="+",
        default=[],
        metavar="NAME",
        help="environments to remove, by their names in the list, or all",
    )
    options = parser.parse_args(arguments)
    try:
        kept = kept_environments()
        names = [each.name for each in kept]
        for name in options.remove:
            if name not in (ALL, *names):
                allowed = ", ".join((ALL, *names))
                parser.error(f"{name} is not an environment: allowed are {allowed}")
        if options.remove:
            for name in names if ALL in options.remove else options.remove:
                remove_environment(name)
                print(f"removed {name}")
            return ExitStatus.OK
    except OSError as error:
        complain(str(error))
        return ExitStatus.WRONG_INPUT
    rows = [(each.name, each.content or "incomplete", f"{each.size / 1e6:.0f} MB") for each in kept]
    rows.append(("together", "", f"{sum(each.size for each in kept) / 1e6:.0f} MB"))
    print("\n".join(columns(rows, left=2)))
    print(f"in {STORE}")
    return ExitStatus.OK
