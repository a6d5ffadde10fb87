"""The command line: `python -m rnn_core list`, `python -m rnn_core run NAME`."""

import argparse
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from rnn_core.checkpoint import CheckpointError, CheckpointWarning, checkpoint_files
from rnn_core.config import EXECUTIONS, ON_NONFINITE, TrainConfig, check_at_least
from rnn_core.data import SAMPLES
from rnn_core.device import resolve_device
from rnn_core.experiments import EXPERIMENTS, Experiment
from rnn_core.files import check_writable
from rnn_core.history import History
from rnn_core.plot import check_plot_path, save_plot
from rnn_core.report import epoch_line, step_lines, summary_lines
from rnn_core.training import NonFiniteError, Step, TrainingInterrupted, train

# Exit statuses; 2 is argparse's for wrong usage, 130 the shells' for Ctrl-C.
FINISHED, NON_FINITE, BAD_INPUT, NOT_WRITTEN, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 1: ended at a NaN or infinity; 2: bad input, nothing was trained; 3: a file could
    not be written; 130: Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "list":
            return _list()
        return _run(EXPERIMENTS[options.name], options)
    except KeyboardInterrupt:
        return INTERRUPTED  # Before the first step, or while its files were written.


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rnn_core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the experiments")
    run = commands.add_parser("run", help="train one experiment and watch its gradients")
    run.add_argument("name", choices=EXPERIMENTS, help="the experiment")
    run.add_argument("--epochs", type=int, help="passes over the data")
    run.add_argument("--seed", type=int, help="of the random weights")
    run.add_argument("--device", help="cpu, gpu or gpu:N")
    run.add_argument(
        "--execution", choices=EXECUTIONS, help="of the recurrent layer (default: textbook)"
    )
    run.add_argument(
        "--record", type=int, metavar="N", help="record every N-th step, none with 0 (default: 1)"
    )
    run.add_argument(
        "--on-nonfinite", choices=ON_NONFINITE, help="what to do at NaN or infinity (default: stop)"
    )
    run.add_argument("--log-every", type=int, metavar="N", help="print every N-th step")
    run.add_argument("--save", type=Path, metavar="FILE", help="write the history (.npz)")
    run.add_argument("--plot", type=Path, metavar="FILE", help="draw it (.svg, .png or .pdf)")
    run.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR",
        help="write checkpoints, to go on from with --resume",
    )
    run.add_argument("--every", type=int, metavar="N", help="steps between two (default: 100)")
    run.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint, if there is one"
    )
    return parser


def _list() -> int:
    for experiment in EXPERIMENTS.values():
        _say(f"{experiment.name:<14} {experiment.summary}")
    return FINISHED


def _run(experiment: Experiment, options: argparse.Namespace) -> int:
    try:
        config = _config(experiment, options)
        log_every = experiment.log_every if options.log_every is None else options.log_every
        if log_every < 1:
            raise ValueError(f"--log-every must be at least 1, got {log_every}")  # noqa: TRY301
        if options.checkpoint is None and (options.resume or options.every is not None):
            raise ValueError("--every and --resume need --checkpoint DIR")  # noqa: TRY301
        every = 100 if options.every is None else options.every
        check_at_least(1, "--every", every)
        resolve_device(config.device)
        if options.save is not None:
            check_writable(options.save)
        if options.plot is not None:
            check_plot_path(options.plot)
            if options.save is not None and options.save.resolve() == options.plot.resolve():
                raise ValueError(f"--save and --plot name one file, {options.plot}")  # noqa: TRY301
    except (TypeError, ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT

    history, status = _train(config, log_every, options.checkpoint, every, options.resume)
    if history is None:
        return status
    _say("\n".join(["", *summary_lines(history)]))
    written = [
        _write("history", options.save, history.save),
        _write("plot", options.plot, partial(save_plot, history)),
    ]
    return status if all(written) else NOT_WRITTEN


def _write(what: str, path: Path | None, write: Callable[[Path], object]) -> bool:
    """Write a file if it was asked for; if that fails, say so, and lose nothing else."""
    if path is None:
        return True
    try:
        write(path)
    except OSError as error:
        print(f"error: no {what}: {error}", file=sys.stderr)
        return False
    _say(f"{what}: {path}")
    return True


def _say(text: str) -> None:
    """Print at once, and go on in silence when nobody reads any more, as under `| head`."""
    try:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _config(experiment: Experiment, options: argparse.Namespace) -> TrainConfig:
    names = ("epochs", "seed", "device", "execution", "record", "on_nonfinite")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return replace(experiment.config, **given)


def _train(
    config: TrainConfig, log_every: int, folder: Path | None, every: int, resume: bool
) -> tuple[History | None, int]:
    """Train with a progress bar, which is drawn where a person looks, not into a file.

    The history is None where nothing was trained.
    """
    if folder is not None and resume:
        there = checkpoint_files(folder)
        what = f"the last checkpoint is {there[-1].name}" if there else "no checkpoint yet"
        _say(f"{folder}: {what}")
    total = config.epochs * math.ceil(len(SAMPLES) / config.batch_size)
    with tqdm(total=total, unit="step", disable=None, leave=False) as bar:

        def on_step(step: Step) -> None:
            bar.update(step.number - bar.n)
            if step.number % log_every:
                return
            bar.set_postfix(loss=f"{step.loss:.3g}", refresh=False)
            lines = step_lines(step)
            if step.last:
                lines += ["", epoch_line(step), ""]
            _say("\n".join(lines))

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", CheckpointWarning)
                warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
                history = train(
                    config,
                    on_step=on_step,
                    checkpoint=folder,
                    every=every,
                    resume=resume,
                )
        except CheckpointError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.history, BAD_INPUT if error.history is None else NOT_WRITTEN
        except TrainingInterrupted as interrupted:
            return interrupted.history, INTERRUPTED
        except NonFiniteError as error:
            return error.history, NON_FINITE
    return history, FINISHED if history.outcome == "finished" else NON_FINITE


if __name__ == "__main__":
    sys.exit(main())
