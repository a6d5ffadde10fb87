"""Train a GRU that tells four languages apart: python examples/padded_gru.py.

A language is a Markov chain over eight letters. Sentences have unequal lengths, so a batch is
padded with zeros, and the GRU is given the lengths.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

LETTERS, LANGUAGES = 8, 4
SHORTEST, LONGEST = 3, 24
SENTENCES, HELD_OUT, BATCH = 1024, 512, 32
EPOCHS = 4
STEPS = EPOCHS * SENTENCES // BATCH


class Classifier(nn.Layer):
    """A GRU whose last hidden state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1 + LETTERS, 32, padding_idx=0)
        self.gru = nn.GRU(32, 64)
        self.dropout = nn.Dropout(0.2)
        self.output = nn.Linear(64, LANGUAGES)

    def forward(self, letters: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """Return scores `[B, LANGUAGES]` of sentences `[B, T]` whose lengths are `[B]`."""
        embedded = self.dropout(self.embedding(letters))
        _, last = self.gru(embedded, sequence_length=lengths)
        return self.output(self.dropout(last[-1]))


class Sentences:
    """Random sentences, each in a random language; zeros follow the last letter."""

    def __init__(self, number: int, random: np.random.Generator) -> None:
        # The languages are the same for every seed.
        chains = np.random.default_rng(0).dirichlet(np.full(LETTERS, 0.2), (LANGUAGES, LETTERS))
        self.languages = random.integers(0, LANGUAGES, number)
        self.lengths = random.integers(SHORTEST, LONGEST + 1, number)
        self.letters = np.zeros((number, LONGEST), np.int64)
        for row, language, length in zip(self.letters, self.languages, self.lengths, strict=True):
            letter = random.integers(0, LETTERS)
            for place in range(length):
                row[place] = 1 + letter
                letter = random.choice(LETTERS, p=chains[language, letter])

    def batch(self, chosen: np.ndarray) -> list[paddle.Tensor]:
        """Return letters, lengths and languages; the longest sentence has no padding."""
        longest = self.lengths[chosen].max()
        found = self.letters[chosen, :longest], self.lengths[chosen], self.languages[chosen]
        return [paddle.to_tensor(each) for each in found]

    def shuffled(self, random: np.random.Generator) -> Iterator[list[paddle.Tensor]]:
        """Yield batches without end, in another order in each epoch."""
        while True:
            yield from map(self.batch, random.permutation(len(self.letters)).reshape(-1, BATCH))


class Training:
    """A model, its optimizer, and batches that are drawn from a seed."""

    def __init__(self, seed: int) -> None:
        paddle.seed(seed)  # Initial weights and dropout.
        random = np.random.default_rng(seed)
        self.batches = Sentences(SENTENCES, random).shuffled(random)
        self.held_out = Sentences(HELD_OUT, random)
        self.model = Classifier()
        decay = paddle.optimizer.lr.CosineAnnealingDecay(0.02, STEPS)
        self.schedule = paddle.optimizer.lr.LinearWarmup(decay, 16, 0.002, 0.02)
        self.optimizer = paddle.optimizer.AdamW(
            self.schedule,
            parameters=self.model.parameters(),
            weight_decay=0.01,
            grad_clip=nn.ClipGradByGlobalNorm(1.0),
        )

    def step(self) -> paddle.Tensor:
        """Make one training step, and return the loss."""
        letters, lengths, languages = next(self.batches)
        loss = F.cross_entropy(self.model(letters, lengths), languages)
        loss.backward()
        self.optimizer.step()
        self.optimizer.clear_grad()
        self.schedule.step()
        return loss

    def accuracy(self) -> float:
        """Return the share of held-out sentences whose language is found."""
        letters, lengths, languages = self.held_out.batch(np.arange(HELD_OUT))
        self.model.eval()
        with paddle.no_grad():
            found = self.model(letters, lengths).argmax(axis=1)
        self.model.train()
        return float((found == languages).astype("float32").mean())

    def save(self, path: str) -> None:
        """Write weights, moments and the position in the schedule."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        paddle.save(state, path)


def workload(seed: int) -> tuple[nn.Layer, Callable[[], paddle.Tensor]]:
    """Return the model, and a function that makes one training step and returns the loss."""
    training = Training(seed)
    return training.model, training.step


def main() -> None:
    """Train, print loss and accuracy after each epoch, and save a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--checkpoint", default="padded_gru.pdparams")
    options = parser.parse_args()
    training = Training(options.seed)
    for epoch in range(options.epochs):
        losses = [float(training.step()) for _ in range(STEPS // EPOCHS)]
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, accuracy {training.accuracy():.1%}")
        training.save(options.checkpoint)


if __name__ == "__main__":
    main()
