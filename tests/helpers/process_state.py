"""What no call may change in a process, unless that is its purpose."""

import gc
import locale
import logging
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from rnn_core.runtime.interrupts import SIGNALS


def process_state() -> dict[str, Any]:
    """Switches, generators and settings of this process, by name."""
    umask = os.umask(0o022)
    os.umask(umask)
    return {
        "flags": paddle.get_flags(["FLAGS_check_nan_inf", "FLAGS_use_stride_kernel"]),
        "default dtype": paddle.get_default_dtype(),
        "gradients": paddle.is_grad_enabled(),
        "dynamic": paddle.in_dynamic_mode(),
        "device": paddle.device.get_device(),
        "Python's generator": random.getstate(),
        "NumPy's generator": str(np.random.get_state()),  # noqa: NPY002
        "NumPy's errors": np.geterr(),
        "NumPy's output": np.get_printoptions(),
        "processors": os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None,
        "priority": os.nice(0) if hasattr(os, "nice") else None,
        "locale": (locale.setlocale(locale.LC_ALL), time.tzname),
        "warnings": [*warnings.filters],
        "logging": (
            logging.getLogger().level,
            logging.getLogger().disabled,
            logging.root.manager.disable,
            [*logging.getLogger().filters],
        ),
        "variables": dict(os.environ),
        "folder": Path.cwd(),
        "umask": umask,
        "garbage collection": (gc.isenabled(), gc.get_threshold()),
        "signals": [*map(signal.getsignal, (*SIGNALS, signal.SIGABRT))],
        "interpreter": (sys.getrecursionlimit(), sys.excepthook, sys.stdout, sys.stderr),
    }


# What no test changes either, before the first one.
KEPT = ("NumPy's output", "processors", "priority", "locale", "umask")
START = {name: value for name, value in process_state().items() if name in KEPT}
