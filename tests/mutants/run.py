"""Run mutmut, with other kinds of mutants and chosen tests: `python tests/mutants/run.py run`.

A script that imports nothing of the project: mutmut's copy of it must be imported instead.
"""

import gc
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

# Seconds of tests for a mutant: more of them rarely notice what these did not.
BUDGET = 10.0
MIRRORS = {"rnn_core": "tests/core", "benchmarks": "tests/bench", "conftest": "tests"}
SECONDS = Path("mutants") / "seconds.json"

Operator = Callable[[Any], Iterable[Any]]


def without_case_changes(operator: Operator) -> Operator:
    """Leave out strings in lower and upper case: a test that reads one notices its `XX`, too."""
    return lambda node: list(operator(node))[:1]


def with_fewer_keywords(operator: Operator) -> Operator:
    """Leave out calls with None, or without a positional argument: most end with an error."""

    def positional(call: Any) -> int:
        return sum(argument.keyword is None for argument in call.args)

    def fewer(node: Any) -> Iterator[Any]:
        for mutant in operator(node):
            if len(mutant.args) < len(node.args) and positional(mutant) == positional(node):
                yield mutant

    return fewer


def choose_tests(function: str, tests: Iterable[str], durations: dict[str, float]) -> list[str]:
    """Return the tests for a function's mutants.

    First those of its module, then those with recorded outputs, which see most, then the quickest.

    Args:
        function: function in mutmut's notation, such as `rnn_core.runtime.files.x_write_text`.
        tests: tests that call it in their own process.
        durations: seconds of every test.
    """
    package, *folders = function.split(".")[:-1]
    module = folders.pop() if folders else package
    file = "/".join([MIRRORS[package], *folders, f"test_{module}.py::"])
    own = {test for test in durations if test.startswith(file)}

    def order(test: str) -> tuple[bool, bool, float, str]:
        return test not in own, not test.startswith("tests/recorded/"), durations[test], test

    chosen: list[str] = []
    seconds = 0.0
    for test in sorted({*tests, *own}, key=order):
        seconds += durations[test]
        if chosen and seconds > BUDGET:
            break
        chosen.append(test)
    return chosen


def main() -> None:
    """Run mutmut's command line, and add the seconds that it takes to those of earlier runs."""
    import mutmut.__main__ as mutmut
    from kinds import KINDS  # type: ignore[import-not-found]  # Beside this script.
    from mutmut.mutation import mutators
    from mutmut.runners.harness import PytestRunner
    from mutmut.state import state

    fewer = {
        mutators.operator_string: without_case_changes,
        mutators.operator_arg_removal: with_fewer_keywords,
    }
    # In place: mutmut's other modules have imported the list.
    mutators.mutation_operators[:] = [
        *(
            (kind, fewer[operator](operator) if operator in fewer else operator)
            for kind, operator in mutators.mutation_operators
            # It puts None in place of a value, which most often ends with an error.
            if operator is not mutators.operator_assignment
        ),
        *KINDS,
    ]
    find_tests, run_tests = PytestRunner.run_stats, PytestRunner.run_tests
    warm_up = PytestRunner.warm_up

    def warm_up_and_freeze(self: Any) -> None:
        warm_up(self)
        # pytest collects garbage at its end, among all of Paddle's objects, which takes most of
        # the time of a mutant.
        gc.freeze()

    def choose_after_finding(self: Any, *, tests: Iterable[str]) -> int:
        # Processes that tests start cannot report what they call. This one knows what it does.
        os.environ.pop("MUTANT_UNDER_TEST", None)
        status: int = find_tests(self, tests=tests)
        found = state().tests_by_mangled_function_name
        for name in state().current_function_hashes:
            found[name] = set(choose_tests(name, found[name], state().duration_by_test))
        return status

    def run_in_order(self: Any, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        if mutant_name is not None:
            durations = {test: state().duration_by_test[test] for test in tests}
            tests = choose_tests(mutant_name.partition("__mutmut_")[0], tests, durations)
        status: int = run_tests(self, mutant_name=mutant_name, tests=tests)
        return status

    PytestRunner.run_stats, PytestRunner.run_tests = choose_after_finding, run_in_order
    PytestRunner.warm_up = warm_up_and_freeze
    os.environ["PYTHONPATH"] = str(SECONDS.parent.absolute())  # For processes that tests start.
    began = time.monotonic()
    try:
        mutmut.cli()
    finally:
        if SECONDS.parent.exists():
            before = json.loads(SECONDS.read_text()) if SECONDS.exists() else 0
            SECONDS.write_text(json.dumps(round(before + time.monotonic() - began)))


if __name__ == "__main__":
    main()
