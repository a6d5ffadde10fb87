"""The command line: `python -m rnn_core list` or `run NAME`."""

import argparse
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rnn_core.checkpoints.checkpoint import CheckpointError, CheckpointWarning, checkpoint_files
from rnn_core.commands.plot import check_plot_path, save_plot
from rnn_core.commands.text import epoch_line, evaluation_line, step_lines, summary_lines
from rnn_core.config import CELLS, EXECUTIONS, ON_NONFINITE, TrainConfig, check_at_least
from rnn_core.data.batch import SAMPLES, load_data
from rnn_core.data.digit_sums import DigitSums
from rnn_core.evaluation import evaluate
from rnn_core.experiments import DIGIT_SUMS, EXPERIMENTS, Experiment
from rnn_core.history import History
from rnn_core.model import new_model
from rnn_core.recorder import Step
from rnn_core.runtime import parallel
from rnn_core.runtime.devices import resolve_device, use_device
from rnn_core.runtime.files import check_writable
from rnn_core.training import NonFiniteError, TrainingInterrupted, train

EVERY_EXPERIMENT = {**EXPERIMENTS, DIGIT_SUMS.name: DIGIT_SUMS}

# Exit statuses; 2 is argparse's for wrong usage, 130 the shells' for Ctrl-C.
FINISHED, NON_FINITE, BAD_INPUT, NOT_WRITTEN, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: finished; 1: ended at a NaN or infinity; 2: bad input, nothing was trained; 3: a file could
    not be written; 130: Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments[:1]) == ["soak"]:
        print("error: the soak test is now python -m benchmarks.soak", file=sys.stderr)
        return BAD_INPUT
    options = _parser().parse_args(arguments)
    try:
        if options.command == "list":
            return _list()
        return _run(EVERY_EXPERIMENT[options.name], options)
    except KeyboardInterrupt:
        return INTERRUPTED  # Before the first step, or while its files were written.


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rnn_core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the experiments")
    run = commands.add_parser("run", help="train one experiment and watch its gradients")
    run.add_argument("name", choices=EVERY_EXPERIMENT, help="the experiment")
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
    run.add_argument("--batch-size", type=int, metavar="B", help="samples in a batch")
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
    data = run.add_argument_group("for digit-sums")
    data.add_argument("--samples", type=int, metavar="N", help="in an epoch (default: 32000)")
    data.add_argument("--held-out", type=int, metavar="N", help="to test with (default: 1000)")
    data.add_argument("--digits", type=int, metavar="D", help="digits to sum (default: 2)")
    data.add_argument("--num-steps", type=int, metavar="T", help="length of a sequence")
    data.add_argument("--cell", choices=CELLS, help="the recurrent layer (default: LSTM)")
    data.add_argument("--hidden-size", type=int, metavar="H", help="of state and embedding")
    data.add_argument("--learning-rate", type=float, metavar="R", help="step size of SGD")
    return parser


def _list() -> int:
    for experiment in EVERY_EXPERIMENT.values():
        _say(f"{experiment.name:<14} {experiment.summary}")
    return FINISHED


def _run(experiment: Experiment, options: argparse.Namespace) -> int:
    if parallel.rank() > 0:
        options.save = options.plot = None  # Process 0 writes them.
    try:
        config = _config(experiment, options)
        data, held_out = _data(experiment, config, options)
        log_every = experiment.log_every if options.log_every is None else options.log_every
        if log_every < 1:
            raise ValueError(f"--log-every must be at least 1, got {log_every}")  # noqa: TRY301
        if options.checkpoint is None and (options.resume or options.every is not None):
            raise ValueError("--every and --resume need --checkpoint DIR")  # noqa: TRY301
        every = 100 if options.every is None else options.every
        check_at_least(1, "--every", every)
        resolve_device(config.device)
        parallel.check(config.device, config.batch_size)
        parallel.check_last(data.count if data else len(SAMPLES), config.batch_size)
        if options.save is not None:
            check_writable(options.save)
        if options.plot is not None:
            check_plot_path(options.plot)
            if options.save is not None and options.save.resolve() == options.plot.resolve():
                raise ValueError(f"--save and --plot name one file, {options.plot}")  # noqa: TRY301
    except (TypeError, ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT

    model = new_model(config)
    training = partial(
        train,
        config,
        data,
        model,
        checkpoint=options.checkpoint,
        every=every,
        resume=options.resume,
    )
    total = config.epochs * (len(data) if data else math.ceil(len(SAMPLES) / config.batch_size))
    if options.resume:
        _say(_found(options.checkpoint))
    history, status = _train(training, total, log_every)
    interrupted = status == INTERRUPTED
    if history is not None:
        lines = ["", *summary_lines(history)]
        if held_out is not None and parallel.rank() == 0:
            with use_device(config.device):
                lines.append(evaluation_line(evaluate(model, held_out)))
        _say("\n".join(lines))
        written = [
            _write("history", options.save, history.save),
            _write("plot", options.plot, partial(save_plot, history)),
        ]
        status = status if all(written) else NOT_WRITTEN
    # Once one process has failed, the launcher kills the others, and the first may not have written
    # its files yet. Ctrl-C comes to each at another step: there is nobody to wait for.
    if not interrupted:
        with use_device(config.device):
            parallel.wait()
    return status


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
    """Print at once, and go on in silence when nobody reads any more, as under `| head`.

    Of several processes, the first one prints.
    """
    if parallel.rank() > 0:
        return
    try:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    """What to train with and to test with; None for the notebook's samples."""
    if experiment is not DIGIT_SUMS:
        names = ("samples", "held_out", "digits", "num_steps", "cell", "hidden_size")
        for name in _given(options, *names, "learning_rate"):
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} is for {DIGIT_SUMS.name}, not for {experiment.name}")
        load_data(config.num_steps, config.batch_size)  # Refuses what it cannot batch.
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


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of these options that stand on the command line."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _found(folder: Path) -> str:
    """What there is to resume."""
    there = checkpoint_files(folder)
    what = f"the last checkpoint is {there[-1].name}" if there else "no checkpoint yet"
    return f"{folder}: {what}"


def _train(
    training: Callable[..., History], total: int, log_every: int
) -> tuple[History | None, int]:
    """Train with a progress bar, which is drawn where a person looks, not into a file.

    The history is None where nothing was trained.
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
            _say("\n".join(lines))

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", CheckpointWarning)
                warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
                history = training(on_step=on_step)
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
