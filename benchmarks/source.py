"""Where the rnn_core of this process comes from. Needs no third-party package."""

import sys
from pathlib import Path


def check_source(folder: Path) -> None:
    """Check that every module of rnn_core that this process has imported is from a folder.

    An editable installation adds modules that its rnn_core has and that of the folder lacks.

    Raises:
        ImportError: a module is from elsewhere.
    """
    wanted = (folder / "rnn_core").resolve()
    for name in [each for each in sys.modules if each.partition(".")[0] == "rnn_core"]:
        found = Path(sys.modules[name].__file__ or "").resolve()
        if wanted not in found.parents:
            raise ImportError(f"{name} comes from {found}, and must come from {wanted}")
