"""Training of small recurrent networks on PaddlePaddle, with recorded gradient norms."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnn_core.runtime.versions import check_numpy, ignore_idle_warnings

# For modules that import Paddle when they are the first to be imported.
check_numpy()
ignore_idle_warnings()

if TYPE_CHECKING:
    from rnn_core.api import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        """Import Paddle and the package's names when the first one is used.

        So a command can handle signals before the import of Paddle, which takes seconds.
        """
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("rnn_core.api"), name)
