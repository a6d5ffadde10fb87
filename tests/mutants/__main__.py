"""Entry point of `python -m tests.mutants`."""

from rnn_core.commands.program import run_program

if __name__ == "__main__":
    run_program("tests.mutants.command")
