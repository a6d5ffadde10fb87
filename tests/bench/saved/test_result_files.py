"""Names of the files in a folder of results."""

from benchmarks.saved.result_files import history_file


def test_histories_are_named_by_experiment_and_device() -> None:
    """The CPU is not named; a colon is removed, because some systems do not allow it."""
    assert history_file("clipped-rnn", "cpu") == "clipped-rnn.npz"
    assert history_file("clipped-rnn", "gpu:1") == "clipped-rnn-gpu1.npz"
