"""What is measured for a benchmark: time, instructions and memory, and how each is judged."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from benchmarks.saved.saved_run import Measure
from benchmarks.text import significant

Worse = Literal["slower", "more instructions", "more memory"]
Better = Literal["faster", "fewer instructions", "less memory"]
# The verdicts on a benchmark, by whatever measure.
Word = Literal[Worse, Better, "same", "cannot tell"]
SAME: Word = "same"
CANNOT_TELL: Word = "cannot tell"


class Prior(NamedTuple):
    """What is known about the spread of a pair's log ratio before it is measured.

    Attributes:
        deviation: standard deviation of the log ratio.
        freedom: number of degrees of freedom that it counts for; 0 if nothing is known.
    """

    deviation: float = 0.0
    freedom: int = 0


class Traits(NamedTuple):
    """Traits of one measure.

    Attributes:
        worse: verdict on a candidate that needs more.
        better: verdict on a candidate that needs less.
        unit: unit in which values are shown.
        size: size of that unit, in the unit of the results.
        digits: significant digits of a value, and decimals of a ratio.
        within: default tolerance of the verdict "same".
        first_look: number of pairs at the first look.
        prior: what is known about the spread in advance.
        quantity: what is measured, in words.
    """

    worse: Worse
    better: Better
    unit: str
    size: float
    digits: int
    within: float
    first_look: int
    prior: Prior
    quantity: str

    @property
    def words(self) -> Sequence[Word]:
        """The verdicts by this measure."""
        return self.worse, self.better, SAME, CANNOT_TELL

    @property
    def finding(self) -> str:
        """What a benchmark is that needs more: "slower", or "with more instructions"."""
        return self.worse if self.worse == "slower" else f"with {self.worse}"

    def show(self, value: float) -> str:
        """Return a value in the unit that is shown."""
        return significant(value / self.size, self.digits)


# Between processes, counts of the same step have standard deviations of about 0.05%; the log ratio
# of a pair has that of two. It counts like three pairs: were it to count more, steps that vary more
# would raise false alarms.
COUNTED = Prior(deviation=0.0005 * 2**0.5, freedom=2)

MEASURES: dict[Measure, Traits] = {
    "time": Traits("slower", "faster", "ms", 1, 3, 0.05, 6, Prior(), "time"),
    "instructions": Traits(
        *("more instructions", "fewer instructions", "million", 1e6, 4, 0.005, 3, COUNTED),
        "instruction count",
    ),
    "memory": Traits(
        "more memory", "less memory", "KiB", 1024, 4, 0.005, 3, COUNTED, "peak memory"
    ),
}
WORSE = frozenset(traits.worse for traits in MEASURES.values())
