"""Read JSON files that may be damaged or written by another program.

A file is a pydantic model. Validation is strict: no text counts as a number, no number as a flag,
and NaN and infinity are refused. Whatever is wrong becomes a ValueError that names the field.
"""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

# Longer values are cut in error messages.
LONGEST_VALUE = 60

RecordT = TypeVar("RecordT", bound="Record")


class Record(BaseModel):
    """Base class of everything that is read from a JSON file."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    def dump(self) -> dict[str, Any]:
        """Return the content of the file, for `json.dumps`."""
        return self.model_dump(mode="json")

    @staticmethod
    def upgrade(content: dict[str, Any]) -> None:
        """Convert the content of an earlier version's file to the current format, in place."""

    @classmethod
    def load(cls: type[RecordT], path: Path) -> RecordT:
        """Read a file of this or an earlier version of the format.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is damaged or has another format; the message names the field.
        """
        data = path.read_bytes()
        if not data:
            raise ValueError("the file is empty")
        try:
            content = json.loads(data)
            if isinstance(content, dict):
                cls.upgrade(content)
            # As JSON: strict validation of objects takes neither lists as tuples nor text as dates.
            return cls.model_validate_json(json.dumps(content))
        except ValidationError as error:
            raise ValueError(reason(error)) from error
        except RecursionError as error:
            raise ValueError("the JSON is nested too deeply") from error
        except ValueError as error:
            raise ValueError(f"invalid JSON: {error}") from error


def _in_utc(date: datetime) -> datetime:
    """Return the date in UTC; one without a time zone counts as UTC."""
    try:
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError("the date must be in the years 1 to 9999 in UTC") from error


Date = Annotated[datetime, AfterValidator(_in_utc)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


def reason(error: ValidationError) -> str:
    """Return the first problem, as "benchmarks.0.ratio: input should be a valid number"."""
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"])) or "the file"
    if first["type"] == "missing":
        return f"{field} is missing"
    message = first["msg"][:1].lower() + first["msg"][1:]
    value = repr(first["input"])
    return f"{field}: {message}, got {value[:LONGEST_VALUE]}{'...' * (len(value) > LONGEST_VALUE)}"
