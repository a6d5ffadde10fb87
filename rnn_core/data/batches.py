"""The batches that a run trains on: checked at the border, known again when it is resumed."""

import zlib
from collections.abc import Iterable, Iterator

from rnn_core.config import TrainConfig
from rnn_core.data.batch import Batch, BatchStream, check_labels, check_tokens
from rnn_core.runtime import parallel


class Batches:
    """The batches of an epoch, on the device.

    All are checked at once, before any training; of a `BatchStream` the first and the last, and
    each of the others when it is made.

    Args:
        data: batches, or a stream of them.
        config: the run's, which they must fit.
        device: full name of the device to put them on.

    Attributes:
        description: what a history says of the data; nothing of batches that were given.

    Raises:
        TypeError: `data` does not hold batches, or they are of another dtype.
        ValueError: there is none, or one does not fit the config.
    """

    def __init__(self, data: Iterable[Batch], config: TrainConfig, device: str) -> None:
        self.config, self.device = config, device
        self.description: dict[str, str] = {}
        self.source: list[Batch] | BatchStream
        if isinstance(data, BatchStream):
            self.source, self.description["data"] = data, _name(data)
        else:
            try:
                self.source = [Batch(*batch) for batch in data]
            except TypeError as error:
                raise TypeError(f"data must hold batches (tokens, labels): {error}") from error
        if len(self.source) == 0:
            raise ValueError("data must hold at least one batch, got none")
        for batch in self._known():
            check_batch(batch, config)
        if not isinstance(self.source, BatchStream):
            self.source = [self._on_device(batch) for batch in self.source]

    def __len__(self) -> int:
        return len(self.source)

    def beginning_at(self, first: int) -> Iterator[Batch]:
        """The batches from number `first`, from 0, to the end of the epoch."""
        for index in range(first, len(self)):
            batch = Batch(*self.source[index])
            if isinstance(self.source, BatchStream):
                check_batch(batch, self.config)
                batch = self._on_device(batch)
            yield batch

    def checksum(self) -> int:
        """A checksum of the batches, their order, shapes and dtypes, 0 to 2**32 - 1.

        Of a stream, its length and its first and last batch stand for all.
        """
        value = zlib.crc32(str(len(self)).encode())
        for batch in self._known():
            for tensor in batch:
                values = tensor.numpy()
                value = zlib.crc32(f"{values.dtype}{values.shape}".encode(), value)
                value = zlib.crc32(values.tobytes(), value)
        return value

    def _known(self) -> list[Batch]:
        """What stands for all batches before any is trained on."""
        if isinstance(self.source, BatchStream):
            return [Batch(*self.source[index]) for index in sorted({0, len(self) - 1})]
        return self.source

    def _on_device(self, batch: Batch) -> Batch:
        return Batch(batch.tokens.to(self.device), batch.labels.to(self.device))


def _name(stream: BatchStream) -> str:
    """What a stream says of itself, without an address, which is another in every process."""
    kind = type(stream)
    return kind.__qualname__ if kind.__repr__ is object.__repr__ else repr(stream)


def check_batch(batch: Batch, config: TrainConfig) -> None:
    """Refuse a batch that the config does not describe, or that would poison the weights.

    Raises:
        TypeError: tokens are no integers, or labels not of the config's dtype.
        ValueError: a shape, token or label is out of range.
    """
    tokens, labels = batch
    check_tokens(tokens, config.vocab_size)
    size, length = tokens.shape
    if size > config.batch_size or length != config.num_steps:
        raise ValueError(
            f"tokens must be [B <= {config.batch_size}, T = {config.num_steps}], "
            f"as the config says, got shape {[size, length]}"
        )
    if size < parallel.size():
        raise ValueError(f"a batch of {size} cannot be shared by {parallel.size()} processes")
    check_labels(labels, size, config.dtype)
