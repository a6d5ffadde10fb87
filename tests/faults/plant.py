"""Runs the tests of a copy of the project in a process forked from one that has imported Paddle.

`rnn_core` looks up Paddle's operators when it is imported, so this module must not import it.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from tests import ROOT
from tests.faults.in_paddle import FAULTS

# Slow imports that the forked processes need not repeat. No plugins of pytest, which rewrites them.
IMPORTED = (__name__, "jinja2", "matplotlib.figure", "pydantic", "scipy.stats")
OUTPUT, REPORT = "output.txt", "report.xml"
# Paddle is broken in the processes that tests start, too, before `rnn_core` looks up its operators.
IN_PROCESSES = """import sys

class Planter:
    def find_spec(self, module, *_):
        if module == "rnn_core.runtime.operators":
            from tests.faults.in_paddle import FAULTS
            next(fault for fault in FAULTS if fault.name == {name!r}).break_paddle()

sys.meta_path.insert(0, Planter())
"""
OPTIONS = ["--numprocesses=0", "--tb=short", "--device=cpu", "-p", "no:cacheprovider"]


def run_tests(name: str, copy: Path, files: Sequence[str], options: Sequence[str]) -> NoReturn:
    """Break Paddle, if the fault of this name does that, and run test files of the copy.

    Exits with the status of pytest. Its output and its JUnit file are written beside the copy.
    """
    os.setsid()  # The process and all that it starts are ended together.
    for descriptor, target in enumerate((os.devnull, str(copy.with_name(OUTPUT)))):
        os.dup2(os.open(target, os.O_RDWR | os.O_CREAT), descriptor)
    os.dup2(1, 2)
    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy)
    # A process that a fault ends leaves its temporary files, which go with the copy.
    os.environ["TMPDIR"] = tempfile.tempdir = str(copy.parent)
    sys.path[:] = [str(copy), *(path for path in sys.path if Path(path).resolve() != ROOT)]
    for fault in FAULTS:
        if fault.name == name and fault.break_paddle is not None:
            fault.break_paddle()
            (copy / "sitecustomize.py").write_text(IN_PROCESSES.format(name=name))
    packages = {module: module.partition(".")[0] for module in sys.modules}
    if not {"benchmarks", "conftest", "rnn_core"}.isdisjoint(packages.values()):
        raise RuntimeError("the project was imported before the fault was planted")
    for module in [module for module, package in packages.items() if package == "tests"]:
        del sys.modules[module]
    report = f"--junitxml={copy.with_name(REPORT)}"
    folder = f"--basetemp={copy.with_name('tmp')}"
    sys.exit(pytest.main([*OPTIONS, report, folder, *options, *files]))
