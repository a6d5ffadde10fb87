"""Entry point of `python -m benchmarks.notebook_table`."""

if __name__ == "__main__":
    import rnn_core  # noqa: F401 - First: it silences irrelevant import warnings of Paddle.
    from benchmarks.notebook.table import main

    main()
