"""The command line: `python -m rnn_core list` or `run NAME`."""

import argparse
from collections.abc import Sequence

from rnn_core.commands.arguments import Parser, any_path, at_least, positive_number, seed
from rnn_core.commands.run import run
from rnn_core.commands.status import ExitStatus
from rnn_core.config import CELLS, EXECUTIONS, ON_NONFINITE
from rnn_core.experiments import ALL_EXPERIMENTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; wrong options raise SystemExit(2)."""
    parser = Parser(prog="python -m rnn_core", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the experiments")
    run_parser = commands.add_parser("run", help="train one experiment and show its gradients")
    _add_run_options(run_parser)
    options = parser.parse_args(arguments)
    if options.command == "run":
        return run(ALL_EXPERIMENTS[options.name], options, run_parser)
    for experiment in ALL_EXPERIMENTS.values():
        print(f"{experiment.name:<14} {experiment.summary}")
    return ExitStatus.OK


def _add_run_options(run: argparse.ArgumentParser) -> None:
    add, positive = run.add_argument, at_least(1)
    add("name", choices=ALL_EXPERIMENTS, help="name of the experiment")
    add("--epochs", type=positive, metavar="N", help="passes over the data")
    add("--seed", type=seed, metavar="N", help="random seed of weights and data")
    add("--device", metavar="DEVICE", help="cpu, gpu, gpu:N, npu:N, ...")
    add(
        "--execution",
        choices=EXECUTIONS,
        help="implementation of the recurrent layer; static and sot: the textbook's equations as a "
        "static graph of paddle.jit.to_static (default: textbook)",
    )
    add(
        "--record",
        type=at_least(0),
        metavar="N",
        help="record every N-th step; 0 records none (default: 1)",
    )
    add("--on-nonfinite", choices=ON_NONFINITE, help="reaction to NaN or infinity (default: stop)")
    add("--log-every", type=positive, metavar="N", help="print every N-th step")
    add("--batch-size", type=positive, metavar="B", help="samples per batch")
    add("--save", type=any_path, metavar="FILE", help="file for the history (.npz)")
    add("--plot", type=any_path, metavar="FILE", help="file for a plot (.svg, .png or .pdf)")
    add("--checkpoint", type=any_path, metavar="DIR", help="folder for checkpoints")
    add(
        "--every",
        type=positive,
        metavar="N",
        help="number of steps between checkpoints (default: 100)",
    )
    add("--resume", action="store_true", help="resume from the last checkpoint, if there is one")
    add = run.add_argument_group("options of digit-sums").add_argument
    add("--samples", type=positive, metavar="N", help="samples per epoch (default: 32000)")
    add("--held-out", type=positive, metavar="N", help="samples to test with (default: 1000)")
    add("--digits", type=at_least(2), metavar="D", help="digits per sample (default: 2)")
    add("--num-steps", type=positive, metavar="T", help="length of a sequence")
    add("--cell", choices=CELLS, help="recurrent layer (default: LSTM)")
    add(
        "--hidden-size",
        type=positive,
        metavar="H",
        help="size of the hidden state and the embedding",
    )
    add("--learning-rate", type=positive_number, metavar="R", help="learning rate of SGD")
