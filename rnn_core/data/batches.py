"""The batches of a run: checks, device, and a checksum for resumed runs."""

import zlib
from collections.abc import Iterable, Iterator

from rnn_core.config import TrainConfig
from rnn_core.data.batch import Batch, BatchStream, batches_in, check_labels, check_tokens
from rnn_core.runtime import parallel


class Batches:
    """The batches of an epoch, on the device.

    All batches are checked before training; of a `BatchStream`, the first and the last are, and
    each of the others when it is made.

    Args:
        data: batches, or a stream of them.
        config: settings that the batches must fit.
        device: full name of the device to put them on.

    Attributes:
        description: description of a stream for the history; empty for a list of batches.

    Raises:
        TypeError: `data` does not hold batches, or their dtype is wrong.
        ValueError: `data` is empty, or a batch does not fit the config.
    """

    def __init__(self, data: Iterable[Batch], config: TrainConfig, device: str) -> None:
        self.config, self.device = config, device
        self.description: dict[str, str] = {}
        self.source: list[Batch] | BatchStream
        if isinstance(data, BatchStream):
            self.source, self.description["data"] = data, _name(data)
        else:
            self.source = list(batches_in(data))
        if len(self.source) == 0:
            raise ValueError("data must hold at least one batch, got none")
        for batch in self._checked_first():
            check_batch(batch, config)
        if not isinstance(self.source, BatchStream):
            self.source = [self._on_device(batch) for batch in self.source]

    def __len__(self) -> int:
        return len(self.source)

    def beginning_at(self, first: int) -> Iterator[Batch]:
        """The batches from index `first` to the end of the epoch."""
        for batch in batches_in(self.source[index] for index in range(first, len(self))):
            if isinstance(self.source, BatchStream):
                check_batch(batch, self.config)
                yield self._on_device(batch)
            else:
                yield batch

    def checksum(self) -> int:
        """A checksum of the batches, their order, shapes and dtypes, 0 to 2**32 - 1.

        For a stream, only its length and its first and last batch count.
        """
        value = zlib.crc32(str(len(self)).encode())
        for batch in self._checked_first():
            for tensor in batch:
                values = tensor.numpy()
                value = zlib.crc32(f"{values.dtype}{values.shape}".encode(), value)
                value = zlib.crc32(values.tobytes(), value)
        return value

    def _checked_first(self) -> list[Batch]:
        """The batches that are checked before training: all, or the first and last of a stream."""
        if isinstance(self.source, BatchStream):
            return list(batches_in(self.source[index] for index in sorted({0, len(self) - 1})))
        return self.source

    def _on_device(self, batch: Batch) -> Batch:
        return Batch(batch.tokens.to(self.device), batch.labels.to(self.device))


def _name(stream: BatchStream) -> str:
    """Description of a stream without its address, which differs between processes."""
    kind = type(stream)
    return kind.__qualname__ if kind.__repr__ is object.__repr__ else repr(stream)


def check_batch(batch: Batch, config: TrainConfig) -> None:
    """Raise unless a batch fits the config.

    Raises:
        TypeError: tokens are not integers, or labels do not have the config's dtype.
        ValueError: a shape, token or label is out of range.
    """
    tokens, labels = batch
    check_tokens(tokens, config.vocab_size)
    size, length = tokens.shape
    if size > config.batch_size or length != config.num_steps:
        raise ValueError(
            f"tokens must be [B <= {config.batch_size}, T = {config.num_steps}], "
            f"as in the config, got shape {[size, length]}"
        )
    if size < parallel.size():
        raise ValueError(
            f"a batch must have at least {parallel.size()} samples, one per process, got {size}"
        )
    check_labels(labels, size, config.dtype)
