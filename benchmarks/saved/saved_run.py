"""A run of benchmarks as pytest-benchmark saves it: the only model of that file."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasPath, Field, model_validator

from benchmarks.saved.records import Date, Milliseconds, Record, Seconds

Positive = Annotated[int, Field(ge=1, le=10**9)]
# Instructions or bytes.
Large = Annotated[int, Field(ge=1, le=10**15)]
Measure = Literal["time", "instructions", "memory"]
# What a process of a comparison measures; peaks of memory come with either.
Series = Literal["instructions", "time"]


class Machine(Record):
    """Facts that two runs must share to be compared; `devices` are their models by name."""

    system: str
    machine: str
    cpu: str
    cpu_count: str
    devices: Annotated[dict[str, str], Field(min_length=1)]


class Info(Record):
    """Facts that a benchmark recorded, the first five to identify it.

    Attributes:
        device: device that it ran on; like the other facts, empty if it has none.
        cell: recurrent cell.
        shape: batch size, number of steps and hidden size.
        implementation: implementation of the training step.
        stage: stage of the training step.
        fixed_work_ms: milliseconds that the fixed work of a sampled benchmark took.
        lower_quartile: lower quartile of the undisturbed samples, in seconds; None if most were
            disturbed.
        instructions: instructions of one call; None if they were not counted.
        peak_bytes: peak of the bytes that Paddle's allocator held during a call; None if unknown.
    """

    device: str = ""
    cell: str = ""
    shape: str = ""
    implementation: str = ""
    stage: str = ""
    fixed_work_ms: Milliseconds | None = None
    lower_quartile: Seconds | None = None
    instructions: Large | None = None
    peak_bytes: Large | None = None


class Stats(Record):
    """Statistics of the rounds in seconds, as far as pytest-benchmark's tables need them."""

    min: Seconds
    q1: Seconds
    median: Seconds
    q3: Seconds
    max: Seconds
    mean: Seconds
    stddev: Annotated[float, Field(ge=0, le=1e9)]
    iqr: Annotated[float, Field(ge=0, le=1e9)]
    ops: Annotated[float, Field(gt=0, le=1e9)]
    outliers: Annotated[str, Field(pattern=r"^\d{1,9};\d{1,9}$")]
    rounds: Positive
    iterations: Positive

    @model_validator(mode="after")
    def _ordered(self) -> "Stats":
        if not self.min <= self.q1 <= self.median <= self.q3 <= self.max:
            raise ValueError("must rise from min over q1, median and q3 to max")
        return self


class Timed(Record):
    """A benchmark; `fullname` is the node id of its test."""

    fullname: str
    extra_info: Info
    stats: Stats

    def value(self, measure: Measure) -> float | None:
        """Return what is compared: the time in seconds, the instructions of a call, or bytes.

        The time is the lower quartile if it was sampled, or the median. None if most samples were
        disturbed, or if this was not measured.
        """
        info = self.extra_info
        if measure == "time":
            sampled = "lower_quartile" in info.model_fields_set
            return info.lower_quartile if sampled else self.stats.median
        return info.instructions if measure == "instructions" else info.peak_bytes


class SavedRun(Record):
    """A saved run.

    Attributes:
        name: path of its file.
        when: time at which it ended.
        begun: time at which it began, if it is a process of a comparison.
        machine: facts that must be equal for a comparison.
        environments: facts of each device, from `rnn_core.runtime.environment`.
        timed: benchmarks.
    """

    name: str = ""
    when: Date = Field(validation_alias="datetime")
    begun: Date | None = Field(None, validation_alias=AliasPath("sampling", "begun"))
    machine: Machine = Field(validation_alias="machine_info")
    environments: dict[str, dict[str, str]] = Field(validation_alias="environment")
    timed: tuple[Timed, ...] = Field(validation_alias="benchmarks")

    @classmethod
    def load(cls, path: Path) -> "SavedRun":
        """Read a run, as `Record.load` does."""
        return super().load(path).model_copy(update={"name": str(path)})

    @cached_property
    def benchmarks(self) -> dict[str, Timed]:
        """The benchmarks by node id."""
        return {each.fullname: each for each in self.timed}

    @model_validator(mode="after")
    def _consistent(self) -> "SavedRun":
        if len(self.benchmarks) < len(self.timed):
            raise ValueError("a benchmark occurs twice")
        if self.environments.keys() != self.machine.devices.keys():
            raise ValueError("machine_info and environment must have the same devices")
        if not all("paddle" in facts for facts in self.environments.values()):
            raise ValueError("environment must have the version of paddle")
        return self
