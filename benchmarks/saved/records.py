"""Read JSON files that may be damaged or written by another program.

A file is a pydantic model. Validation is strict: no text counts as a number, no number as a flag,
and NaN and infinity are refused. Whatever is wrong becomes a ValueError that names the field.
Control characters in texts are escaped, so that the texts can be printed.
"""

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from rnn_core.runtime.files import parse_json, read_file
from rnn_core.runtime.messages import printable, shown

# In bytes. The times of every round of 96 benchmarks take 0.6 MB.
LARGEST_FILE = 2**24
# Fields whose text has several lines.
SEVERAL_LINES = ("error", "problem", "text")

RecordT = TypeVar("RecordT", bound="Record")


class Record(BaseModel):
    """Base class of everything that is read from a JSON file."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    def dump(self) -> dict[str, Any]:
        """Return the content of the file, for `json.dumps`."""
        return self.model_dump(mode="json")

    @classmethod
    def load(cls: type[RecordT], path: Path) -> RecordT:
        """Read a file.

        Raises:
            OSError: the file cannot be read, or is not a regular file.
            ValueError: the file is damaged or has another format; the message names the field.
        """
        content = read_json(path)
        # As JSON: strict validation of objects takes neither lists as tuples nor text as dates.
        data = to_json(content)
        del content
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise ValueError(reason(error)) from error


def read_json(path: Path) -> Any:
    """Read a JSON file, and escape the control characters in its texts.

    Raises:
        OSError: the file cannot be read, or is not a regular file.
        ValueError: the file is too large, or not JSON.
    """
    data = read_file(path, LARGEST_FILE)
    if not data:
        raise ValueError("the file is empty")
    try:
        return _escaped(parse_json(data))
    except ValueError as error:
        raise ValueError(f"invalid JSON: {error}") from error


def _escaped(value: Any, lines: bool = False) -> Any:
    """Return the value with escaped texts; `lines` keeps the ends of lines. Changes lists."""
    if isinstance(value, dict):
        return {_escaped(key): _escaped(each, key in SEVERAL_LINES) for key, each in value.items()}
    if isinstance(value, list):
        for index, each in enumerate(value):
            if isinstance(each, str | list | dict):
                value[index] = _escaped(each)
        return value
    if not isinstance(value, str) or value.isprintable():
        return value
    return printable(value, len(value), keep="\n" if lines else "")


def _in_utc(date: datetime) -> datetime:
    """Return the date in UTC; one without a time zone counts as UTC."""
    # Every time zone can express these years.
    if not 2000 <= date.year < 3000:
        raise ValueError("the date must be in the years 2000 to 2999")
    return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)


Date = Annotated[datetime, AfterValidator(_in_utc)]
Count = Annotated[int, Field(ge=0, le=10**9)]
# Within these limits, all ratios and sums of times are finite.
Seconds = Annotated[float, Field(ge=1e-9, le=1e5)]
Milliseconds = Annotated[float, Field(ge=1e-9, le=1e9)]


def reason(error: ValidationError) -> str:
    """Return the first problem, as "benchmarks.0.ratio: input should be a valid number"."""
    first = error.errors()[0]
    field = printable(".".join(map(str, first["loc"]))) or "the file"
    if first["type"] == "missing":
        return f"{field} is missing"
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"{field}: {message}, got {shown(first['input'])}"
