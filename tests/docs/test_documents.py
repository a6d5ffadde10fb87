"""The documents name files, headings, commands and environments that exist."""

import configparser
import re
import runpy
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks import entry
from benchmarks.workloads.own import load_workload
from rnn_core.commands import program
from tests import ROOT

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE_SPAN = re.compile(r"`([^`]+)`")
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A file of this repository, named without a link.
FILE = re.compile(r"(?:rnn_core|benchmarks|tests|docs|examples)/[\w/.-]+\.(?:py|md|svg|png|json)")
OUR_COMMAND = re.compile(r"python -m ((?:rnn_core|benchmarks|tests)[.\w]*)(?: (.*))?")
TOX_COMMAND = re.compile(r"(?:python -m )?tox (?:-r )?-e (\S+)")

over_documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


class Command(NamedTuple):
    """A documented command of this repository.

    Attributes:
        program: the module, followed by the subcommand and its argument if it has them.
        options: the options that the document gives.
    """

    program: tuple[str, ...]
    options: tuple[str, ...]


def read(document: Path) -> str:
    """The text of a document."""
    return document.read_text(encoding="utf-8")


def code_of(text: str) -> Iterator[str]:
    """Every line of the code blocks and every code span, with single spaces."""
    prose = FENCE.sub("", text)
    indented = re.findall(r"^ {4}(\S.*)$", prose, re.MULTILINE)
    for line in "\n".join([*FENCE.findall(text), *indented]).replace("\\\n", " ").splitlines():
        yield " ".join(line.split())
    for span in CODE_SPAN.findall(prose):
        yield " ".join(span.split())


def shell_lines(text: str) -> list[str]:
    """The commands of a document, sorted, each once."""
    return sorted({code for code in code_of(text) if re.match(r"(python -m|pytest|tox) ?", code)})


def commands_of(text: str) -> Iterator[Command]:
    """The documented commands that run a module of this repository."""
    for code in code_of(text):
        # Paddle's launcher is followed by the command that it starts.
        match = OUR_COMMAND.match(code, max(code.rfind("python -m "), 0))
        if match and "..." not in code:
            module, arguments = match[1], (match[2] or "").split()
            options = tuple(word for word in arguments if word.startswith("-"))
            words = arguments[: arguments.index(options[0])] if options else arguments
            yield Command((module, *words) if module == "rnn_core" else (module,), options)


def headings(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", read(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def expand(name: str) -> list[str]:
    """The names that `a{b,c}d` stands for."""
    braces = re.search(r"\{([^{}]*)\}", name)
    if braces is None:
        return [name]
    choices = braces[1].split(",")
    return [n for c in choices for n in expand(name[: braces.start()] + c + name[braces.end() :])]


def tox_environments() -> set[str]:
    """The environments that tox.ini declares."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini", encoding="utf-8")
    sections = [name.removeprefix("testenv:") for name in settings if name.startswith("testenv:")]
    return {name for section in sections for name in expand(section)}


@pytest.mark.parametrize(
    ("document", "commands"), [("README.md", 15), ("docs/guides/own-model.md", 6)]
)
def test_both_languages_give_the_same_commands(document: str, commands: int) -> None:
    """The Chinese document has every command of the English one, and no other."""
    english = read(ROOT / document)
    chinese = read(ROOT / document.replace(".md", ".zh-CN.md"))

    assert shell_lines(chinese) == shell_lines(english)
    assert len(shell_lines(english)) >= commands
    # Programs and their output; the README's have comments in each language.
    assert document == "README.md" or FENCE.findall(chinese) == FENCE.findall(english)


def test_documents_link_to_the_other_language_in_the_first_line() -> None:
    """Its reader finds it at once."""
    translated = [each for each in DOCUMENTS if each.name.endswith(".zh-CN.md")]

    for chinese in translated:
        english = chinese.with_name(chinese.name.replace(".zh-CN", ""))
        assert f"({chinese.name})" in read(english).splitlines()[0]
        assert f"({english.name})" in read(chinese).splitlines()[0]
    assert len(translated) == 2


def test_program_of_the_guide_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user copies from the guide to own models is a workload; its loss decreases."""
    monkeypatch.setattr("sys.path", [*sys.path])
    [program] = re.findall(
        r"^```python\n(.*?)^```$", read(ROOT / "docs/guides/own-model.md"), re.M | re.S
    )
    (tmp_path / "my_model.py").write_text(program)
    training = load_workload(f"{tmp_path}/my_model.py:workload").make(0)
    losses = [training.step(finite=True) for _ in range(40)]

    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@over_documents
def test_links_lead_to_files_and_headings(document: Path) -> None:
    """Every relative link names a file of the repository and, after `#`, one of its headings."""
    for name, anchor in LINK.findall(read(document)):
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), name
        if anchor:
            assert anchor in headings(target), f"{name}#{anchor}"


@over_documents
def test_code_spans_name_files_that_exist(document: Path) -> None:
    """A path in backticks, such as `rnn_core/cells.py`, exists."""
    for code in CODE_SPAN.findall(FENCE.sub("", read(document))):
        if FILE.fullmatch(code):
            assert (ROOT / code).exists(), code


@over_documents
def test_python_examples_import_names_that_exist(document: Path) -> None:
    """Every import of a Python example works."""
    for block in re.findall(r"^```python\n(.*?)^```$", read(document), re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^(?:from|import) .*$", block, re.MULTILINE):
            exec(line)  # noqa: S102 - a line of our own documents


@over_documents
def test_tox_environments_exist(document: Path) -> None:
    """Every environment given to `tox -e` is declared, except the example of a new one."""
    for code in code_of(read(document)):
        for names in TOX_COMMAND.findall(code):
            for name in names.split(","):
                assert name in tox_environments() or "paddle34" in name, name


def test_guide_to_the_tests_names_every_helper() -> None:
    """tests/README.md lists every file in tests/helpers."""
    helpers = {path.name for path in (ROOT / "tests" / "helpers").glob("*.py")}
    named = set(re.findall(r"`helpers/(\w+\.py)`", read(ROOT / "tests" / "README.md")))

    assert helpers - named == {"__init__.py", "test_comparison.py"}


@pytest.mark.parametrize(("group", "package"), [("core", "rnn_core"), ("bench", "benchmarks")])
def test_groups_of_tests_mirror_the_packages(group: str, package: str) -> None:
    """Every test file in `core` and `bench` has the path of the module that it tests."""
    tests = ROOT / "tests" / group

    modules = {
        path.relative_to(tests).with_name(path.name.removeprefix("test_"))
        for path in tests.rglob("test_*.py")
    }

    strays = {str(path) for path in modules if not (ROOT / package / path).exists()}
    # Tests of all public functions, of a resumed run as a whole, and of the page in a browser.
    assert strays <= {"public.py", "checkpoints/resume.py", "report/browser.py"}


def test_source_names_documents_that_exist() -> None:
    """A document named in a docstring, comment or message exists."""
    folders = (ROOT / name for name in ("rnn_core", "benchmarks", "tests"))
    sources = [path for folder in folders for path in folder.rglob("*.py")]

    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources
        for name in re.findall(r"docs/[\w/-]+\.md", read(path))
        if not (ROOT / name).exists()
    }

    assert missing == set()


def test_documented_commands_show_their_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every documented command exists and has the options that the documents give it."""
    options: dict[tuple[str, ...], set[str]] = {}
    for document in DOCUMENTS:
        for command in commands_of(read(document)):
            options.setdefault(command.program, set()).update(command.options)

    def run_main(module: str, *_: object) -> None:  # In this process, which has imported Paddle.
        import_module(module).main()

    for owner in (program, entry):
        monkeypatch.setattr(owner, "run_program", run_main)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # Some entry points set it.
    for (module, *words), given in options.items():
        monkeypatch.setattr("sys.argv", [module, *words, "--help"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        text = capsys.readouterr().out

        assert ended.value.code == 0, module
        assert {option for option in given if option not in text} == set(), module


def test_commands_are_found_in_blocks_and_prose() -> None:
    """A launched, a wrapped and an inline command are found, with their options."""
    text = (
        "```console\npython -m paddle.distributed.launch --nproc_per_node 2 \\\n"
        "    python -m rnn_core run digit-sums --batch-size 64\n```\n"
        "and `python -m\nbenchmarks.ratios --save FILE.md`\n"
    )

    assert list(commands_of(text)) == [
        Command(("rnn_core", "run", "digit-sums"), ("--batch-size",)),
        Command(("benchmarks.ratios",), ("--save",)),
    ]
