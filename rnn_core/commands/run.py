"""The command `python -m rnn_core run`: train one experiment."""

import argparse
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rnn_core.checkpoints.folder import CheckpointError, CheckpointWarning, checkpoint_files
from rnn_core.commands.output import say, write_files
from rnn_core.commands.plot import check_plot_path, save_plot
from rnn_core.commands.status import ExitStatus
from rnn_core.commands.text import epoch_line, evaluation_line, step_lines, summary_lines
from rnn_core.config import TrainConfig
from rnn_core.data.batch import SAMPLES, load_data
from rnn_core.data.digit_sums import DigitSums
from rnn_core.evaluation import evaluate
from rnn_core.experiments import DIGIT_SUMS, Experiment
from rnn_core.history import History, check_size
from rnn_core.model import new_model
from rnn_core.parameters import Parameters
from rnn_core.recorder import Step
from rnn_core.runtime import parallel
from rnn_core.runtime.devices import resolve_device, use_device
from rnn_core.runtime.files import check_writable
from rnn_core.runtime.messages import complain
from rnn_core.training import NonFiniteError, TrainingInterrupted, train


def run(
    experiment: Experiment, options: argparse.Namespace, parser: argparse.ArgumentParser
) -> ExitStatus:
    """Train an experiment, print its summary and write its files.

    Args:
        experiment: experiment to train.
        options: parsed options; those not given are None.
        parser: parser of this command, which reports wrong options and exits with 2.
    """
    if parallel.rank() > 0:
        options.save = options.plot = None  # Process 0 writes them.
    try:
        config = _config(experiment, options)
        data, held_out = _data(experiment, config, options)
        _check(config, data, options)
        model = new_model(config)
        batches = len(data) if data else math.ceil(len(SAMPLES) / config.batch_size)
        check_size(Parameters(model).names, config.epochs * batches, config.record)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        parser.error(str(error))

    training = partial(
        train,
        config,
        data,
        model,
        checkpoint=options.checkpoint,
        every=options.every or 100,
        resume=options.resume,
    )
    if options.resume:
        say(_found(options.checkpoint))
    total, log_every = config.epochs * batches, options.log_every or experiment.log_every
    ended, history = _train(training, total, log_every)
    status = ended
    if history is not None:
        written, names = write_files(
            ("history", options.save, history.save),
            ("plot", options.plot, partial(save_plot, history)),
        )
        if written == ExitStatus.INTERRUPTED:
            ended = written
        say("\n".join(["", *summary_lines(history)]))
        try:
            if held_out is not None and parallel.rank() == 0 and ended != ExitStatus.INTERRUPTED:
                with use_device(config.device):
                    say(evaluation_line(evaluate(model, held_out)))
        finally:
            for name in names:
                say(name)
        status = written or ended
    # The launcher kills all processes once one has failed, so wait until process 0 has written its
    # files. Not after Ctrl-C: it reaches the processes at different steps.
    if ended != ExitStatus.INTERRUPTED:
        with use_device(config.device):
            parallel.wait()
    return status


def _config(experiment: Experiment, options: argparse.Namespace) -> TrainConfig:
    names = ("epochs", "seed", "device", "execution", "record", "on_nonfinite", "batch_size")
    given = _given(options, *names)
    if experiment is DIGIT_SUMS:
        given |= _given(options, "num_steps", "cell", "hidden_size", "learning_rate")
        if "hidden_size" in given:
            given["emb_size"] = given["hidden_size"]
    return replace(experiment.config, **given)


def _data(
    experiment: Experiment, config: TrainConfig, options: argparse.Namespace
) -> tuple[DigitSums | None, DigitSums | None]:
    """Samples to train with and to test with; None for the notebook's samples."""
    if experiment is not DIGIT_SUMS:
        names = ("samples", "held_out", "digits", "num_steps", "cell", "hidden_size")
        for name in _given(options, *names, "learning_rate"):
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} is an option of {DIGIT_SUMS.name}, got {experiment.name}")
        load_data(config.num_steps, config.batch_size)  # Checks both numbers.
        return None, None
    given = {"samples": 32_000, "held_out": 1000, "digits": 2}
    given |= _given(options, *given)
    data = DigitSums(
        count=given["samples"],
        digits=given["digits"],
        num_steps=config.num_steps,
        batch_size=config.batch_size,
        seed=config.seed,
        dtype=config.dtype,
    )
    return data, data.rest(given["held_out"])


def _check(config: TrainConfig, data: DigitSums | None, options: argparse.Namespace) -> None:
    """Refuse what would fail later, before any training.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: an option cannot be used on this machine or
            with another one.
    """
    if options.checkpoint is None and (options.resume or options.every is not None):
        raise ValueError("--every and --resume need --checkpoint DIR")
    resolve_device(config.device)
    parallel.check(config.device, config.batch_size)
    parallel.check_last(data.count if data else len(SAMPLES), config.batch_size)
    if options.save is not None:
        check_writable(options.save)
    if options.plot is not None:
        check_plot_path(options.plot)
        if options.save is not None and options.save.resolve() == options.plot.resolve():
            raise ValueError(f"--save and --plot must differ, got {options.plot} for both")


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options of these names that are on the command line."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _found(folder: Path) -> str:
    """Where a run with `--resume` begins."""
    files = checkpoint_files(folder)
    return f"{folder}: " + (f"last checkpoint is {files[-1].name}" if files else "no checkpoint")


def _train(
    training: Callable[..., History], total: int, log_every: int
) -> tuple[ExitStatus, History | None]:
    """Train with a progress bar, which is shown on a terminal only.

    Returns:
        How the training ended, and the history of the run; None if nothing was trained.
    """
    quiet = True if parallel.rank() > 0 else None
    with tqdm(total=total, unit="step", disable=quiet, leave=False) as bar:

        def on_step(step: Step) -> None:
            bar.update(step.number - bar.n)
            if step.number % log_every:
                return
            bar.set_postfix(loss=f"{step.loss:.3g}", refresh=False)
            lines = step_lines(step)
            if step.last:
                lines += ["", epoch_line(step), ""]
            say("\n".join(lines))

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", CheckpointWarning)
                warnings.showwarning = lambda message, *_, **__: say(f"warning: {message}")
                history = training(on_step=on_step)
        except CheckpointError as error:
            complain(str(error))
            nothing_trained = error.history is None
            status = ExitStatus.WRONG_INPUT if nothing_trained else ExitStatus.NOT_WRITTEN
            return status, error.history
        except TrainingInterrupted as interrupted:
            return ExitStatus.INTERRUPTED, interrupted.history
        except NonFiniteError as error:
            return ExitStatus.FINDING, error.history
    finished = history.outcome == "finished"
    return ExitStatus.OK if finished else ExitStatus.FINDING, history
