"""Names of result files, and of types of devices."""

from benchmarks.saved.result_files import history_file, kinds_of


def test_names_of_devices_are_short() -> None:
    """A type stands once, and a file of the CPU does not name it."""
    assert kinds_of(["npu", "gpu:0", "gpu:1"]) == "NPU, GPU"
    assert history_file("clipped-rnn", "gpu:0") == "clipped-rnn-gpu0.npz"
