"""Entry point of `python -m rnn_core`."""

from rnn_core.commands.program import run_program

if __name__ == "__main__":
    run_program("rnn_core.commands.main")
