"""Result files of the commands that print tables."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rnn_core.runtime.files import write_json, write_text


def results_file(
    path: Path | None, text: str, environment: Mapping[str, str], content: Mapping[str, Any]
) -> tuple[str, Path | None, Callable[[Path], None]]:
    """Return a file of results, for `write_files`.

    Args:
        path: file to write; None for no file.
        text: content of a Markdown file, without the environment.
        environment: facts to list in the file.
        content: content of a JSON file, without the environment.
    """

    def write(path: Path) -> None:
        if path.suffix == ".json":
            write_json(path, {"environment": environment, **content})
        else:
            facts = [f"- {key}: {value}" for key, value in environment.items() if value]
            write_text(path, "\n".join([text.rstrip(), "", *facts, ""]))

    return "results", path, write
