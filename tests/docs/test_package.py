"""What is built from the project holds every module of `rnn_core`, and nothing else."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tests import ROOT

pytestmark = pytest.mark.slow

PACKAGE_FILES = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "rnn_core").rglob("*")
    if path.suffix == ".py" or path.name == "py.typed"
}

# Imports every module of the package, and prints the files that they came from.
IMPORT_ALL = """
import importlib, pkgutil, sys

sys.path.insert(0, sys.argv[1])
import rnn_core

for module in pkgutil.walk_packages(rnn_core.__path__, "rnn_core."):
    importlib.import_module(module.name)
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] == "rnn_core":
        print(module.__file__)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution, built from a copy of the project.

    The build backend is called directly, which needs neither pip nor the network.
    """
    copy = tmp_path_factory.mktemp("built") / "project"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info", "results", "log")
    shutil.copytree(ROOT, copy, ignore=ignored)
    for build in ("build_wheel", "build_sdist"):
        command = f"from setuptools import build_meta; build_meta.{build}('out')"
        subprocess.run([sys.executable, "-c", command], cwd=copy, check=True, capture_output=True)
    return copy / "out"


def test_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    """Every module, every subpackage and `py.typed` are in the wheel; no test and no benchmark."""
    [wheel] = built.glob("*.whl")

    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert names == PACKAGE_FILES
    assert {PurePosixPath(name).parts[1] for name in names} >= {"py.typed", "runtime", "commands"}


def test_source_distribution_holds_the_package_and_what_builds_it(built: Path) -> None:
    """The source distribution has the package, its README, its licence and its build settings."""
    [archive] = built.glob("*.tar.gz")

    with tarfile.open(archive) as file:
        names = {member.name.partition("/")[2] for member in file.getmembers() if member.isfile()}
    names = {name for name in names if ".egg-info/" not in name}

    built_from = {"README.md", "LICENSE", "pyproject.toml", "MANIFEST.in"}
    written_by_setuptools = {"PKG-INFO", "setup.cfg"}
    assert names == PACKAGE_FILES | built_from | written_by_setuptools


def test_every_module_of_the_wheel_is_importable(built: Path, tmp_path: Path) -> None:
    """Unpacked into an empty folder, with the checkout off the path, every module imports."""
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path)  # noqa: S202 - built just now

    process = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL, str(tmp_path)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    imported = {Path(line).relative_to(tmp_path).as_posix() for line in process.stdout.split()}
    assert imported == {name for name in PACKAGE_FILES if name.endswith(".py")}
