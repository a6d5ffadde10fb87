"""Rejection of Paddle 2 with NumPy 2, and import warnings."""

import builtins
import importlib
import logging
import os
import re
import warnings
from collections.abc import Callable
from functools import partial
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

import rnn_core
from rnn_core.config import Cell
from rnn_core.executions.traced import same_bits
from rnn_core.runtime import versions as compat


@pytest.mark.parametrize(
    ("paddle", "numpy", "allowed"),
    [
        ("2.6.2", "1.26.4", True),
        ("2.6.2", "2.0.0", False),
        ("2.6.2", "10.1.0", False),
        ("2.6.2.post120", "2.0.0rc1", False),
        ("3.0.0", "1.26.4", True),
        ("3.3.1", "2.5.0", True),
        (None, "2.5.0", True),
        # Versions of builds from Paddle's development branch.
        ("0.0.0", "2.5.0", True),
        ("3.4.0.dev20261127", "2.5.0", True),
    ],
)
def test_check_numpy_rejects_paddle_2_with_numpy_2(
    monkeypatch: pytest.MonkeyPatch, paddle: str | None, numpy: str, allowed: bool
) -> None:
    """The error says what to install."""
    monkeypatch.setattr(compat, "installed_paddle", lambda: paddle)
    monkeypatch.setattr("importlib.metadata.version", {"numpy": numpy}.__getitem__)

    if allowed:
        compat.check_numpy()
    else:
        words = f'Paddle {paddle} was built for NumPy 1, got {numpy}: install "numpy<2" or Paddle 3'
        for check in (compat.check_numpy, compat.import_paddle):
            with pytest.raises(ImportError, match=f"^{re.escape(words)}$"):
                check()


@pytest.fixture
def at_import(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """A function that makes the import of Paddle call another function first."""

    def replace(call: Callable[[], object]) -> None:
        real = builtins.__import__

        def importing(name: str, *args: Any) -> Any:
            if name == "paddle":
                call()
            return real(name, *args)

        monkeypatch.setattr(builtins, "__import__", importing)

    return replace


# As Paddle words them.
IDLE = (
    "No ccache found. Please be aware that recompiling all source files may be required.",
    "You are using GPU version Paddle, but your CUDA device is not set properly.",
    "Tensor do not have 'place' interface for pir graph mode, try not to use it.",
    "Value do not have 'place' interface for pir graph mode, try not to use it.",
)


@pytest.mark.parametrize(
    ("message", "category", "shown"),
    [
        *((message, UserWarning, False) for message in IDLE),
        (IDLE[0], DeprecationWarning, True),
        ("something new", UserWarning, True),
    ],
)
def test_import_hides_warnings_that_do_not_apply(
    message: str, category: type[Warning], shown: bool, at_import: Any
) -> None:
    """An unexpected warning is shown."""
    at_import(lambda: warnings.warn(message, category, stacklevel=1))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compat.import_paddle()
    assert [str(warning.message) for warning in caught] == [message] * shown


@pytest.mark.parametrize(
    ("missing", "match"),
    [
        ("paddle", "^Paddle is not installed: pip install paddlepaddle, or paddlepaddle-gpu$"),
        ("paddle.base", "^paddle.base$"),
    ],
)
def test_import_error_says_how_to_install_paddle(missing: str, match: str, at_import: Any) -> None:
    """If a module that Paddle needs is missing, its own error is kept."""

    def fail() -> None:
        raise ModuleNotFoundError(missing, name=missing)

    at_import(fail)
    before = list(warnings.filters)
    for use in (compat.import_paddle, partial(importlib.reload, rnn_core.api)):
        with pytest.raises(ImportError, match=match):
            use()
    assert list(warnings.filters) == before


@pytest.mark.parametrize("paddle", ["2.6.2", "3.3.1", "0.0.0", None])
def test_tracing_is_prepared_or_refused(
    paddle: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paddle 2 lacks one combination and prints lines; Paddle 3 logs a line and varies sizes."""
    flags: list[dict[str, object]] = []
    logger = logging.getLogger()
    monkeypatch.setattr(compat, "installed_paddle", lambda: paddle)
    monkeypatch.setattr("paddle.set_flags", flags.append)
    monkeypatch.setattr(logger, "filters", [])
    variables = ["GLOG_minloglevel", "SOT_ALLOW_DYNAMIC_SHAPE"]
    for name in variables:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    with warnings.catch_warnings():
        compat.ignore_idle_warnings()
    for cell, execution in (("RNN", "sot"), ("LSTM", "static")):
        compat.prepare_tracing(cell, execution)
    reason = compat.refused_tracing("LSTM", "sot")
    if paddle == "2.6.2":
        with pytest.raises(RuntimeError, match="LSTM on Paddle 2.6.2, which .* sot-named-tuple: "):
            compat.prepare_tracing("LSTM", "sot")
    assert (reason is not None) == (paddle == "2.6.2")
    assert flags == [{"FLAGS_pir_apply_inplace_pass": False}] * (2 if paddle == "2.6.2" else 0)
    assert [os.environ[name] for name in variables] == ["2", "0"]
    os.environ.update(dict.fromkeys(variables, ""))  # What the user has set stays.
    with warnings.catch_warnings():
        compat.ignore_idle_warnings()
    compat.prepare_tracing("LSTM", "static")
    assert [os.environ[name] for name in variables] == ["", ""]
    assert len(logger.filters) == 1
    idle = "input provided by inputs has no use"  # As Paddle words it.
    records = [logging.makeLogRecord({"msg": text}) for text in (idle, "another")]
    assert [bool(logger.filter(record)) for record in records] == [False, True]


@pytest.mark.parametrize(
    ("cell", "paddle", "flags", "expected"),
    [
        ("RNN", "2.6.2", "true", True),
        ("LSTM", "2.6.2", "", False),
        ("LSTM", "3.3.1", "", True),
        ("LSTM", "3.3.1", "FALSE", True),
        ("LSTM", "3.3.1", "0", True),
        ("LSTM", "3.3.1", "1", False),
        ("LSTM", "3.3.1", "yes", False),
        ("LSTM", "0.0.0", "", True),
        ("LSTM", None, "", True),
    ],
)
def test_bits_are_the_same_except_where_operators_are_decomposed(
    cell: Cell, paddle: str | None, flags: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And except the LSTM on Paddle 2; the kernel's are never those of the textbook."""
    monkeypatch.setattr(compat, "installed_paddle", lambda: paddle)
    monkeypatch.setenv("FLAGS_prim_all", flags)

    assert same_bits(cell, "textbook", "static") == expected
    assert same_bits(cell, "sot", "static") == expected
    assert not same_bits(cell, "kernel", "static")
    assert same_bits(cell, "kernel", "kernel")


def test_each_flag_of_primitive_mode_decomposes_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only the one for all, nor all of them."""
    monkeypatch.setattr(compat, "installed_paddle", lambda: "3.3.1")
    for flags in ({"FLAGS_prim_forward": "1", "FLAGS_prim_all": "0"}, {"FLAGS_prim_backward": "1"}):
        monkeypatch.setattr("os.environ", flags)

        assert not same_bits("LSTM", "textbook", "static")


def test_package_checks_before_its_modules_import_paddle(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown special name, as tools ask for, imports nothing; `*` has the public names."""
    done: list[str] = []
    for name in ("check_numpy", "ignore_idle_warnings"):
        monkeypatch.setattr(compat, name, partial(done.append, name))
    package = importlib.reload(rnn_core)

    assert done == ["check_numpy", "ignore_idle_warnings"]
    with pytest.raises(AttributeError, match="module 'rnn_core' has no attribute '__wrapped__'"):
        _ = package.__wrapped__
    assert package.__all__ is rnn_core.api.__all__
    public = {name for name in vars(rnn_core.api) if not name.startswith("_")}
    assert public == {*package.__all__, "import_paddle"}
    assert not hasattr(package, "unknown")


def test_version_is_that_of_the_installed_paddle(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read without importing Paddle, for CPU or GPU; None if none is installed."""
    import paddle

    assert paddle.version.full_version == compat.installed_paddle()
    for name, version in (("paddlepaddle-gpu", "9.9"), ("paddlepaddle-x", None)):
        found = {name: [SimpleNamespace(version="9.9")]}
        monkeypatch.setattr(
            metadata, "distributions", lambda name, found=found: found.get(name, [])
        )
        assert compat.installed_paddle() == version
