"""Compare the cost and the training of two environments: python -m benchmarks.compare.

Fresh processes of both sides count instructions, then take turns to be timed, until every benchmark
has a verdict or the budget is spent.
docs/guides/comparing.md explains the verdicts.
"""

import argparse
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

from tqdm import tqdm

from benchmarks import ROOT
from benchmarks.behaviour.comparison import compare_behaviour
from benchmarks.behaviour.files import OwnJob
from benchmarks.behaviour.judge import BehaviourVerdict
from benchmarks.behaviour.own import NotRepeatableError, compare_workload, own_job
from benchmarks.commands.parser import add_sides, add_workload, make_parser, parse_sides
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.pairs import (
    Pairs,
    Part,
    Plan,
    check_countable,
    contests_of,
    elapsed,
    series_of,
    settle,
)
from benchmarks.compare.process import Job, time_processes
from benchmarks.compare.result import Comparison
from benchmarks.compare.sides import CrashError, Saved, SideError, find_side
from benchmarks.compare.summary import summarise
from benchmarks.compare.text import Form, behaviour_text, text_of, unpaired
from benchmarks.instructions.valgrind import find_switch, find_valgrind
from benchmarks.interpreters import Interpreter
from benchmarks.locks import LOCK, lock_folder
from benchmarks.plugins.sampling import Settings
from benchmarks.saved.baseline import obstacles
from benchmarks.saved.saved_run import Measure, SavedRun
from benchmarks.text import significant
from benchmarks.workloads.own import WorkloadError
from rnn_core.commands.arguments import (
    any_path,
    key_and_value,
    names_from,
    percentage,
    positive_number,
    seed,
)
from rnn_core.commands.status import ExitStatus
from rnn_core.experiments import EXPERIMENTS
from rnn_core.runtime.messages import complain

RESULTS = ROOT / "results" / "comparisons"
BAR = "{percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} verdicts{postfix}"
# The line of pytest's output that has an error's type and message.
REASON = re.compile(r"^(?:E +|ERROR: |(?:FAILED|ERROR) .+ - )(.+)", re.MULTILINE)
# Default tolerances of the verdict "same".
WITHIN = {name: traits.within for name, traits in MEASURES.items()}
# About how many times as long as a step the calls of a process take that counts it: Valgrind runs
# 3 calls 50 times as slowly, and 7 others 5 times.
COUNTED_STEPS = 200
# Whole steps at the notebook's shape, of all cells and implementations.
BENCHMARKS = "test_stage and step and B1-T10-H128"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: nothing is worse; 1: a benchmark takes more time, instructions or memory, or an experiment
    trains differently; 2: wrong arguments, or a side is missing or fails; 4: nothing is worse, but
    not every benchmark has a verdict by every measure; 130: Ctrl-C.
    """
    options = _options(arguments)
    try:
        baseline, candidate = (
            find_side(side, options.origin) for side in (options.baseline, options.candidate)
        )
        if isinstance(baseline, Saved) or isinstance(candidate, Saved):
            return compare_saved(baseline, candidate, options)
        measures = choose_measures(
            options.measure, options.device, options.threads, (baseline, candidate)
        )
        job, own = options.job, options.workload
        name = folder_name(baseline.name, candidate.name) + as_folder(f"-{own}" if own else "")
        folder = options.results or RESULTS / name
        plan = Plan(
            *benchmarks_of(options),
            options.device,
            baseline,
            candidate,
            options.seconds,
            options.threads,
            {name: options.within[name] for name in measures},
            options.seed,
            lenient=options.lenient,
            workload=job and workload_options(job),
            content=job and job.content,
        )
        with lock_folder(folder):
            if options.restart:
                remove_comparison(folder)
            series: list[Pairs] = []
            for name in series_of(measures):  # The first one has left its settings to the others.
                series.append(Pairs(plan, folder, options.resume or bool(series), series=name))
            if not series[0].done:
                with removed_if_refused(series):
                    check_sides(series, options.budget)
            return compare(series, options)
    except (SideError, WorkloadError, OSError) as error:
        complain(f"could not compare: {error}")
        return ExitStatus.WRONG_INPUT
    except KeyboardInterrupt:
        print("Incomplete: --resume continues with the complete pairs.")
        return ExitStatus.INTERRUPTED


def compare(series: Sequence[Pairs], options: argparse.Namespace) -> int:
    """Measure and judge; print and save the result, and return the exit status.

    The result is saved after each pair, so that it survives if this process is killed. If counting
    fails, and was not asked for, the other measures are compared all the same.

    Args:
        series: the pairs of each series of processes, on disk or still to measure.
        options: options of the command; each series has an equal share of the time that is left.
    """
    budget = 60 * options.budget
    plan, folder = series[0].plan, series[0].folder
    names, sides = (plan.baseline.name, plan.candidate.name), (plan.baseline, plan.candidate)
    parts = [Part(pairs.within, pairs.done) for pairs in series]
    saved, repeatable = Comparison.saved_in(folder), True
    behaviours: Sequence[BehaviourVerdict] = () if saved is None else saved.behaviour
    own = [each for each in behaviours if each.experiment not in EXPERIMENTS]
    trained = [each for each in behaviours if each.experiment in EXPERIMENTS]
    if options.job and options.behaviour and not own:
        try:
            with removed_if_refused(series, NotRepeatableError):
                own = [compare_workload(*sides, folder / "behaviour", options.job)]
            behaviours = [*own, *behaviours]
        except NotRepeatableError as error:
            complain(str(error), "warning")
            repeatable = False

    def save() -> Comparison:
        result = summarise(parts, names, behaviours, plan.content or "")
        result.save(folder)
        return result

    try:
        for number, (part, pairs) in enumerate(zip(parts, series, strict=True)):
            later = budget * (1 - 1 / (len(series) - number))  # Equal shares of what is left.
            try:
                with tqdm(unit="benchmark", disable=None, leave=False, bar_format=BAR) as bar:
                    for part.contests, left in settle(pairs, budget - later):
                        budget = later + left
                        judges = [contest.judge for contest in part.contests]
                        bar.total = sum(len(judge.names) for judge in judges)
                        bar.n = bar.total - sum(len(judge.open) for judge in judges)
                        progress = f"{len(pairs.done)} pairs, {budget / 60:.1f} minutes left"
                        bar.set_postfix_str(f"{', '.join(part.within)}: {progress}")
                        save()
                part.ended = True
            except (SideError, OSError) as error:
                part.error = str(error)
                if options.measure is not None or pairs.series != "instructions":
                    raise
                reason = part.error.partition("\n")[0].rstrip(":")
                leave_out_counts(f"counting failed: {reason}")
                budget = later
                # The timed processes measure memory, too.
                series[number + 1].within["memory"] = part.within.pop("memory")
                part.contests = [each for each in part.contests if each.measure in part.within]
    except KeyboardInterrupt:
        if any(part.contests for part in parts):
            print(text_of(save(), options.format))
        raise
    except CrashError:
        save()
        raise
    result = save()
    print(text_of(result, options.format), flush=True)
    if options.behaviour and (options.benchmarks or not options.workload) and not trained:
        try:
            found = compare_behaviour(*sides, folder / "behaviour")
        except (SideError, OSError) as error:
            complain(f"could not compare behaviour: {error}")
            return result.status if result.status == ExitStatus.FINDING else ExitStatus.WRONG_INPUT
        behaviours = [*own, *found]
        result = save()
        print(behaviour_text(found, options.format))
    print(f"\nresults: {folder}")
    return result.status or (ExitStatus.OK if repeatable else ExitStatus.CANNOT_TELL)


def choose_measures(
    asked: Sequence[Measure] | None, device: str, threads: int, sides: Sequence[Interpreter] = ()
) -> Sequence[Measure]:
    """Return the measures to compare by: those asked for, or all that are possible here.

    Args:
        asked: measures that the user named; None for the default.
        device: device to run on.
        threads: number of threads.
        sides: interpreters of both sides.

    Raises:
        SideError: instructions are asked for and cannot be counted.
    """
    if asked is not None and "instructions" not in asked:
        return asked
    try:
        check_countable(device, threads)
        find_valgrind()
        find_switch(sides)
    except SideError as error:
        if asked is not None:
            raise
        leave_out_counts(str(error))
        return tuple(name for name in MEASURES if name != "instructions")
    return asked or tuple(MEASURES)


def leave_out_counts(reason: str) -> None:
    """Say that nothing is counted, although it would be by default."""
    complain(f"{reason}. Comparing by time and memory alone.", "warning")


def benchmarks_of(options: argparse.Namespace) -> tuple[tuple[str, ...], str]:
    """Return the paths of the benchmarks, and an expression for pytest's `-k`.

    An own workload is measured instead of the built-in benchmarks, or beside those of `-k`.
    """
    if options.workload is None:
        return ("benchmarks",), options.benchmarks or BENCHMARKS
    if options.benchmarks is None:
        return ("benchmarks/test_workload.py",), ""
    return ("benchmarks",), f"({options.benchmarks}) or test_workload"


def workload_options(job: OwnJob) -> tuple[str, ...]:
    """Return the options of pytest that name an own workload."""
    return (
        f"--workload={job.workload}",
        f"--workload-seed={job.seed}",
        f"--workload-execution={job.execution}",
    )


def check_sides(series: Sequence[Pairs], budget: float) -> None:
    """Run an own workload, or the copies of rnn_core, briefly before anything is measured.

    Args:
        series: the pairs of each series of processes.
        budget: time limit in minutes.

    Raises:
        SideError: the benchmarks of this checkout cannot use the rnn_core of a side; or the own
            workload cannot be used, or takes too long.
    """
    plan, path = series[0].plan, series[0].folder / "check.json"
    settings = Settings(seed=0, seconds=1e-3)
    for side in (plan.baseline, plan.candidate):
        if side.source == ROOT and plan.workload is None:
            continue
        try:
            [run] = time_processes(plan, [Job(side, settings, path)])
        except CrashError as error:
            if side.source == ROOT:
                raise
            # Something else is wrong if they cannot use that of the working tree either.
            time_processes(plan, [Job(replace(side, source=ROOT), settings, path)])
            reason = REASON.search(str(error))
            raise SideError(
                f"{side.name}: the benchmarks of the working tree cannot use its rnn_core: "
                f"{reason[1] if reason else error}"
            ) from error
        finally:
            path.unlink(missing_ok=True)
        if plan.workload is not None:
            check_budget(series, run, budget)


def check_budget(series: Sequence[Pairs], run: SavedRun, budget: float) -> None:
    """Raise SideError if an own workload takes so long that it cannot have a verdict.

    Args:
        series: the pairs of each series of processes.
        run: one process that measured as little as possible.
        budget: time limit in minutes.
    """
    step, left = max(each.stats.median for each in run.timed), budget
    for number, pairs in enumerate(series):
        seconds = elapsed([(run, run)])
        if pairs.series == "instructions":
            seconds += COUNTED_STEPS * step / (os.cpu_count() or 1)
        least = 2 * seconds / 60 * min(MEASURES[name].first_look for name in pairs.within)
        share = left / (len(series) - number)  # As in `compare`.
        if least > share:
            raise SideError(
                f"a step takes {significant(step)} s, and a process {significant(seconds)} s: "
                f"a verdict by {pairs.series} takes at least {least:.1f} minutes, and its share of "
                f"the budget is {share:.1f}: raise --budget, make the step smaller, or leave out "
                f"{pairs.series} by --measure"
            )
        left -= least


def folder_name(baseline: str, candidate: str) -> str:
    """Return the name of the folder of a comparison, without the commits of its sides."""
    names = (re.sub(r" \(.*\)$", "", name) for name in (baseline, candidate))
    return "..".join(map(as_folder, names))


def as_folder(text: str) -> str:
    """Return a text as the name of a folder."""
    return re.sub(r"[^\w.+-]+", "-", text)


def compare_saved(
    baseline: Interpreter | Saved, candidate: Interpreter | Saved, options: argparse.Namespace
) -> int:
    """Judge the pairs of a saved comparison again, or say why saved runs give no verdict.

    Raises:
        SideError: the two sides cannot be compared.
    """
    if not (isinstance(baseline, Saved) and isinstance(candidate, Saved)):
        raise SideError(
            "a saved run cannot be compared with an interpreter: between two measurements, the "
            "machine's pace changes by more than most regressions. Give two interpreters or tox "
            "environments, to measure both sides now"
        )
    reasons = obstacles(candidate.first.machine, baseline.first.machine)
    if reasons:
        raise SideError("the saved runs cannot be compared: " + "; ".join(reasons))
    asked, within = options.measure, options.within
    if baseline.comparison is None or baseline.comparison != candidate.comparison:
        if asked not in (None, ("time",)):
            raise SideError(
                f"runs that are not pairs are compared by time only, not by {', '.join(asked)}"
            )
        print(unpaired(baseline, candidate))
        return ExitStatus.CANNOT_TELL
    parts = []
    wanted = asked or tuple(MEASURES)
    counted = "instructions" in baseline.runs
    for series, measures in series_of(wanted, counted).items():
        pairs = zip(*(side.runs.get(series, ()) for side in (baseline, candidate)), strict=True)
        part = Part({name: within[name] for name in measures}, list(pairs), ended=True)
        if part.pairs:
            part.contests = contests_of(part.pairs[0], part.within, lenient=options.lenient)
            for contest in part.contests:
                contest.look(part.pairs)
            parts.append(part)
    if not parts:
        raise SideError(f"the saved comparison has no {' or '.join(wanted)}")
    result = summarise(parts, (baseline.name, candidate.name))
    print(text_of(result, options.format))
    print("Behaviour is not compared: saved runs have no interpreter that could train.")
    return result.status


def remove_comparison(folder: Path) -> None:
    """Delete the comparison in a folder, which this process has locked.

    Raises:
        SideError: the folder does not hold a comparison.
        OSError: the folder cannot be emptied.
    """
    content = [path for path in folder.iterdir() if path.name != LOCK]
    if content and not (folder / "settings.json").is_file():
        raise SideError(f"{folder} is not removed: it has no comparison")
    # The settings last, so that a removal that was killed can be repeated.
    for path in sorted(content, key=lambda path: path.name == "settings.json"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def removed_if_refused(series: Sequence[Pairs], *passed: type[SideError]) -> Iterator[None]:
    """Delete a comparison that is refused and has no pairs, so that its command works again.

    Args:
        series: the pairs of each series of processes.
        passed: errors after which the comparison goes on.
    """
    try:
        yield
    except passed:
        raise
    except SideError:
        if not any(pairs.done for pairs in series):
            remove_comparison(series[0].folder)
        raise


def tolerances(text: str) -> dict[Measure, float]:
    """The tolerance of each measure: `5` for all of them, `time=5,memory=1` for some."""
    if "=" not in text:
        return dict.fromkeys(MEASURES, percentage(text))
    found = dict(WITHIN)
    for part in text.split(","):
        name, value = key_and_value(part)
        [measure] = names_from(tuple(MEASURES))(name)
        found[cast("Measure", measure)] = percentage(value)
    return found


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `compare` and `calibrate` share."""
    parser.add_argument(
        "-k",
        "--benchmarks",
        metavar="EXPRESSION",
        help=f"benchmarks to measure, as an expression for pytest's -k (default: {BENCHMARKS!r})",
    )
    parser.add_argument(
        "--device",
        default="cpu",
        metavar="DEVICE",
        help="cpu, gpu, gpu:N, npu:N, ... (default: cpu)",
    )
    parser.add_argument(
        "--within",
        type=tolerances,
        default=WITHIN,
        metavar="PERCENT",
        help="tolerance of the verdict same; 5 stands for ratios from 1/1.05 to 1.05, by whatever "
        "measure (default: time=5,instructions=0.5,memory=0.5)",
    )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        default=0.1,
        help="time for each benchmark in each process (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        help="random seed for the order of the processes and benchmarks; in compare, also the seed "
        "that --workload gets (default: 0)",
    )
    parser.add_argument("--results", type=any_path, metavar="FOLDER", help="folder for the pairs")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument(
        "--resume", action="store_true", help="continue with the pairs in the folder"
    )
    existing.add_argument(
        "--restart", action="store_true", help="delete the pairs in the folder and start again"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser("compare", __doc__, threads=True)
    add_sides(parser, "saved run (FILE.json), or side of a saved comparison (FOLDER:baseline)")
    parser.add_argument(
        "--budget",
        type=positive_number,
        default=10.0,
        metavar="MINUTES",
        help="time limit; no new pair starts after it (default: 10)",
    )
    parser.add_argument(
        "--measure",
        type=names_from(tuple(MEASURES)),
        metavar="NAME,...",
        help="what to compare, of time, instructions and memory (default: all of them; without "
        "Valgrind, time and memory)",
    )
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="call a benchmark worse only if its whole interval lies above the tolerance",
    )
    parser.add_argument(
        "--format",
        choices=get_args(Form),
        default="text",
        help="form of the printed result (default: text)",
    )
    parser.add_argument(
        "--no-behaviour",
        dest="behaviour",
        action="store_false",
        help="do not compare how the three experiments train",
    )
    add_measuring_options(parser)
    add_workload(parser, "the built-in benchmarks, or beside those of -k", seeded=True)
    options = parse_sides(parser, arguments)
    options.job = own_job(parser, options, ("execution", "steps"))
    return options
