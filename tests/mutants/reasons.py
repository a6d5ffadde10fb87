"""Why mutants that no test notices are equivalent to the source or do not matter.

A reason names the change, not mutmut's number, which other changes of the function shift. It may
cover a whole kind of changes.
"""

import re
from typing import NamedTuple


class Reason(NamedTuple):
    r"""Why no test notices some mutants.

    Attributes:
        why: the reason.
        where: pattern of `path::function`, such as `rnn_core/cells\.py::LSTMCell\\.forward`.
        old: pattern of the lines of the source that a mutant changes.
        new: pattern of the lines that replace them.
        equivalent: whether the mutants do the same as the source; they do not count then.
    """

    why: str
    where: str
    old: str
    new: str
    equivalent: bool = False

    def fits(self, where: str, old: str, new: str) -> bool:
        """Whether the reason holds for a mutant."""
        pairs = ((self.where, where), (self.old, old), (self.new, new))
        return all(re.fullmatch(pattern, text, re.DOTALL) for pattern, text in pairs)


REASONS = (
    Reason(
        "The first words of a seed sequence do not depend on how many are asked for.",
        r"rnn_core/checkpoints/random_states.py::seed_paddle",
        r".*generate_state\(1,.*",
        r".*generate_state\(2,.*",
        equivalent=True,
    ),
    Reason(
        "NumPy's default integer has 64 bits on all systems that this was run on.",
        r"rnn_core/.*",
        r".*np\.array\(.*, dtype=np\.int64\).*",
        r".*np\.array\(.*, (dtype=None)?\).*",
        equivalent=True,
    ),
    Reason(
        "How much longer than its position the first epoch is assumed to be does not matter.",
        r"rnn_core/checkpoints/checkpoint.py::Checkpoint._check",
        r".* else batch \+ 1",
        r".* else batch \+ 2",
        equivalent=True,
    ),
    Reason(
        "Each process assigns it in one of the two rounds.",
        r"rnn_core/checkpoints/folder.py::CheckpointFolder.restore",
        r"checkpoint = None",
        r'checkpoint = ""',
        equivalent=True,
    ),
    Reason(
        "The first process restores the same checkpoint twice.",
        r"rnn_core/checkpoints/folder.py::CheckpointFolder.restore",
        r"for mine in .*",
        r".*parallel\.rank\(\) >= 0\):",
        equivalent=True,
    ),
    Reason(
        "Another number that stands for no checkpoint.",
        r"rnn_core/checkpoints/folder.py::CheckpointFolder.restore",
        r"steps = -1 if .*",
        r"steps = -2 if .*",
        equivalent=True,
    ),
    Reason(
        "It matters if one process has the checkpoint of step 1 and another has none.",
        r"rnn_core/checkpoints/folder.py::CheckpointFolder.restore",
        r"steps = -1 if .*",
        r"steps = \+1 if .*",
    ),
    Reason(
        "Only the tests with several processes notice it, which cannot run under mutmut.",
        r"rnn_core/checkpoints/folder.py::CheckpointFolder.(restore|save)",
        r"(for mine in|steps =|if steps !=|raise .*the processes|with raised).*",
        r".*",
    ),
    Reason(
        "A file that disappears between two calls is not worth a test.",
        r"rnn_core/checkpoints/folder.py::CheckpointFolder._save",
        r"old\.unlink\(missing_ok=True\)",
        r".*",
    ),
    Reason(
        "The source line that a warning shows is one of the package's in any case.",
        r".*",
        r"warnings\.warn\(.*stacklevel=2\)",
        r"warnings\.warn\(.*, (stacklevel=3)?\)",
    ),
    Reason(
        "mutmut does not run on Windows.",
        r".*",
        r'if sys\.platform != "win32":.*',
        r'if sys\.platform != "XXwin32XX":.*',
        equivalent=True,
    ),
    Reason(
        "mutmut does not run on Windows, which alone lacks this flag.",
        r"rnn_core/runtime/files.py::without_waiting",
        r'.*getattr\(os, "O_NONBLOCK", 0\).*',
        r'.*getattr\(os, "O_NONBLOCK", (None|1)\).*',
        equivalent=True,
    ),
    Reason(
        "A letter can be printed in any case.",
        r"rnn_core/runtime/messages.py::(printable|complain)",
        r".*keep.*",
        r".*keep.*XX.*",
        equivalent=True,
    ),
    Reason(
        "Nobody writes XXXX after a number.",
        r"rnn_core/commands/arguments.py::_number",
        r"def .*",
        r'def .*unit: str = "XXXX".*',
    ),
    Reason(
        "Any text that is not a letter of a gradient's name stands for the RNN's line.",
        r"rnn_core/commands/text.py::step_lines",
        r"for _, group in groupby\(.*",
        r'for _, group in groupby\(.* else "XXXX"\):',
        equivalent=True,
    ),
    Reason(
        "How much of a file without a size is read to refuse it does not matter.",
        r"rnn_core/runtime/files.py::read_file",
        r"content = file\.read\(limit \+ 1\).*",
        r"content = file\.read\((None|limit \+ 2)\).*",
    ),
    Reason(
        "None is false, too.",
        r"rnn_core/runtime/files.py::write_json",
        r".*allow_nan=False.*",
        r".*allow_nan=None.*",
        equivalent=True,
    ),
    Reason(
        "Only the first of the numbers is read.",
        r"rnn_core/runtime/parallel.py::total",
        r"everywhere = .*",
        r"everywhere = paddle\.full\(\[2\], .*",
        equivalent=True,
    ),
    Reason(
        "The lengths differ, as `zip` allows without this argument, too.",
        r"rnn_core/commands/plot.py::draw",
        r".*zip\(cycle\(.*, strict=False\).*",
        r".*zip\(cycle\(.*, (strict=None)?\).*",
        equivalent=True,
    ),
    Reason(
        "Whether the legend and the space between panels look better is not tested.",
        r"rnn_core/commands/plot.py::draw",
        r"figure = Figure\(.*|axes\.legend\(.*",
        r"figure = Figure\(figsize=\(8, 5 \+ 2\.5 \* len\(panels\)\), (layout=None)?\)"
        r"|axes\.legend\((fontsize=None, ncols=2|ncols=2|fontsize=\"small\", .*)\)",
    ),
    Reason(
        "No parameter has X in its name, and empty panels are left out.",
        r"rnn_core/commands/plot.py::_panels",
        r'groups = .* in "wub"\]',
        r'groups = .* in "XXwubXX"\]',
        equivalent=True,
    ),
    Reason(
        "The command trains with the data's default dtype.",
        r"rnn_core/commands/run.py::_data",
        r"dtype=config\.dtype,",
        r"",
        equivalent=True,
    ),
    Reason(
        "The flags matter only while Paddle traces, and no axes to drop are an empty list, too.",
        r"rnn_core/runtime/operators.py::rows",
        r".*_C_ops\.slice\(.*",
        r".*\[stop\], (None, \[\]|\[2\], \[\]|\[1\], None)\)",
        equivalent=True,
    ),
    Reason(
        "A test lies in the folder of its file, too.",
        r"conftest.py::asks_for_benchmarks",
        r"path = .*",
        r'path = .*partition\("XX::XX"\).*',
        equivalent=True,
    ),
    Reason(
        "No plugin has either name.",
        r"conftest.py::pytest_addoption",
        r"loaded = .*",
        r'loaded = .*"__name__", (None|"XXXX")\).*',
        equivalent=True,
    ),
    Reason(
        "One more file that nothing reads does no harm.",
        r"rnn_core/commands/console.py::guard_console",
        r"for number in range\(3\):",
        r"for number in range\(4\):",
    ),
    Reason(
        "No program of ours replaces its standard error, whose number is 2.",
        r"rnn_core/commands/console.py::guard_console",
        r"output, error = .*",
        r"output, error = .*_file\(None, 2\)",
    ),
    Reason(
        "The mask is set back at once.",
        r"rnn_core/runtime/files.py::_umask",
        r"mask = os\.umask\(0\)",
        r"mask = os\.umask\(1\)",
        equivalent=True,
    ),
    Reason(
        "None is false, too.",
        r"rnn_core/checkpoints/random_states.py::random_states",
        r".*legacy=False.*",
        r".*legacy=None.*",
        equivalent=True,
    ),
    Reason(
        "NumPy makes NaN of None, and an array of float64 of floats.",
        r"rnn_core/checkpoints/random_states.py::random_states",
        r'np\.nan if python_gauss is None .*|"waiting": .*',
        r'np\.nan if \(python_gauss is None\) and False .*|"waiting": np.array\(waiting, .*',
        equivalent=True,
    ),
    Reason(
        "Only the tests of traced executions notice it, which cannot run under mutmut.",
        r"rnn_core/checkpoints/checkpoint.py::Checkpoint.differences",
        r"if same_bits\(.*",
        r".*None.*",
    ),
    Reason(
        "Only the tests of traced executions notice it, which cannot run under mutmut.",
        r"rnn_core/executions/traced.py::(trace|same_bits)|rnn_core/model.py::NumericPrediction.__init__",
        r"(prepare_tracing|traced =|with|outputs =|return|vars\(layer\)|trace\(self,).*",
        r".*",
    ),
    Reason(
        "It matters only in several processes, and tests with these cannot run under mutmut.",
        r"rnn_core/(training.py::train|step.py::TrainingStep.gradients|data/batches.py::check_batch)",
        r"parallel\.join\(.*|held = .*|loss = loss .*|.*parallel\.size\(\).*",
        r"parallel\.join\(.*|held = .*(or True|== 1) else .*|loss = (None|loss / .*)"
        r"|.*\* parallel\.size\(\).*|None",
    ),
    Reason(
        "It matters only in several processes, and tests with these cannot run under mutmut.",
        r"rnn_core/training.py::_loop",
        r"predictions, measured = training\.gradients\(.*, samples\)",
        r"predictions, measured = training\.gradients\(.*, None\)",
    ),
    Reason(
        "NumPy's float64 is meant by None, too.",
        r"rnn_core/(evaluation|gradients|history).py::.*",
        r".*(astype|stored\.(array|vector))\(.*np\.float64.*",
        r".*(astype\(|stored\.(array|vector)\([^,]*, )None.*",
        equivalent=True,
    ),
    Reason(
        "Nothing but type checkers reads the first argument.",
        r"rnn_core/(evaluation|history|runtime/devices).py::.*",
        r".*cast\(.*",
        r".*cast\((None|\"XX.*XX\"), .*",
        equivalent=True,
    ),
    Reason(
        "The lengths are equal by construction.",
        r"rnn_core/(commands/plot|gradients|parameters|recorder|step).py::.*",
        r".*zip\(.*, strict=True\).*",
        r".*zip\(.*, (strict=None|strict=False)?\).*",
        equivalent=True,
    ),
    Reason(
        "A model has several tensors, all of one dtype and on one device.",
        r"rnn_core/(gradients|parameters|step).py::.*",
        r".*(gradients|squares|tensors)\[0\].*",
        r".*(gradients|squares|tensors)\[1\].*",
        equivalent=True,
    ),
    Reason(
        "None is false, too.",
        r"rnn_core/(executions/kernel|parameters|step).py::.*",
        r"False,  # .*|.*\.stop_gradient = False"
        r"|.*(clear_gradient\(|op\.sgd_.* |transposed=)False\)",
        r"None,  # .*|.*\.stop_gradient = None|tensor\.clear_gradient\(None\)"
        r"|op\.sgd_\(weight, .*, gradient, None, None\)|whole = Block\(name, .*transposed=None\)",
        equivalent=True,
    ),
    Reason(
        "Near the limits, both ways to compute a norm agree up to rounding.",
        r"rnn_core/gradients.py::(l2_norm|read_norms)",
        r".*(1e-280 < squares < 1e280|low < square < high).*",
        r".*(<=|1\.0 <|< 1e\+280).*",
    ),
    Reason(
        "One layer has no dropout between layers, and so the operator draws no random numbers.",
        r"rnn_core/executions/kernel.py::recurrent",
        r"op\.zeros\(\[1\], paddle\.uint8\),.*|0\.0,  # Dropout.*|0,  # Seed .*",
        r"op\.zeros\((None|\[2\]), paddle\.uint8\),.*|1\.0,  # Dropout.*|1,  # Seed .*",
        equivalent=True,
    ),
    Reason(
        "The weights of the textbook's layer replace these values.",
        r"rnn_core/executions/kernel.py::_parameter",
        r"zero = .*",
        r"zero = .*\(1\.0\)",
        equivalent=True,
    ),
    Reason(
        "The index of a parameter that fills its tensor does not matter.",
        r"rnn_core/(executions/kernel.py::KernelRNN.blocks|parameters.py::Parameters.__init__)",
        r".*\((prefix \+ )?name, tensor, 0, 1\b.*",
        r".*\((prefix \+ )?name, tensor, (None|1), 1\b.*",
        equivalent=True,
    ),
    Reason(
        "`Layer.to` moves all tensors, so any of them tells.",
        r"rnn_core/parameters.py::Parameters.__init__",
        r"self\._packed = .*",
        r"self\._packed = .* not in packed.*",
        equivalent=True,
    ),
    Reason(
        "Paddle's own choice for weights is the same one, unless a program changes it.",
        r"rnn_core/cells.py::_parameter",
        r".*default_initializer=initializer.*",
        r".*(default_initializer=None|, \))",
    ),
    Reason(
        "Paddle makes int64 of Python's integers on all systems that this was run on.",
        r"rnn_core/data/batch.py::_batches",
        r'.*to_tensor\(tokens, dtype="int64"\).*',
        r".*to_tensor\(tokens, (dtype=None)?\).*",
        equivalent=True,
    ),
    Reason(
        "mutmut runs with Paddle 3, which has one object for each dtype, with one dot in its name.",
        r"rnn_core/data/batch.py::(check_tensor|_name)",
        r"if value\.dtype is not dtype and .*|return str\(dtype\)\.rpartition.*",
        r"if value\.dtype is not dtype or .*|return str\(dtype\)\.partition.*",
        equivalent=True,
    ),
    Reason(
        "NumPy computes every size that is negative.",
        r"rnn_core/data/digit_sums.py::DigitSums.samples",
        r".*reshape\(-1, .*",
        r".*reshape\(-2, .*",
        equivalent=True,
    ),
    Reason(
        "The next gradients are set before they are read, and the old ones are freed.",
        r"rnn_core/step.py::TrainingStep.(__init__|gradients)",
        r"self\.clipped.* = \[\]",
        r"self\.clipped.* = None",
        equivalent=True,
    ),
    Reason(
        "Gradients that are added to zeros are the same. It takes longer.",
        r"rnn_core/step.py::TrainingStep.gradients",
        r"tensor\.clear_gradient\(False\)",
        r"tensor\.clear_gradient\(True\)",
    ),
    Reason(
        "Both are None, or neither is.",
        r"rnn_core/step.py::TrainingStep.clip_gradients",
        r"if raw_squares is None or .*",
        r"if raw_squares is None and .*",
        equivalent=True,
    ),
    Reason(
        "No quick test trains for 100 steps and writes checkpoints.",
        r"rnn_core/training.py::train",
        r"every: int = 100,",
        r"every: int = 101,",
    ),
    Reason(
        "Only slower tests notice it: the checkpoint of the first step could not be read.",
        r"rnn_core/training.py::_run",
        r"folder\.save\(recorder\.history\(\"interrupted\"\), start\)",
        r"folder\.save\(recorder\.history\((None|\"XX.*XX\")\), start\)",
    ),
    Reason(
        "The lengths are equal by construction.",
        r"benchmarks/(behaviour|commands|compare|plugins|notebook|report|workloads)/.*",
        r".*zip\(.*, strict=True\).*",
        r".*zip\(.*, (strict=None|strict=False)?\).*",
        equivalent=True,
    ),
    Reason(
        "NumPy's default is float64, where NaN of a type is that of None.",
        r"benchmarks/behaviour/(culprits.py::compare|files.py::digest|layers.py::.*_finished)",
        r".*(astype\(np\.float64\)|dtype\.type\(np\.nan\)).*",
        r".*(astype|dtype\.type)\(None\).*",
        equivalent=True,
    ),
    Reason(
        "Without NaN, nothing is replaced.",
        r"benchmarks/behaviour/files.py::digest",
        r'if values\.dtype\.kind == "f" and .*',
        r'if values\.dtype\.kind == "f" or .*',
        equivalent=True,
    ),
    Reason(
        "No kind of arrays is called X.",
        r"benchmarks/behaviour/files.py::Trace\._from_archive",
        r'.* not in "biuf" .*',
        r'.* not in "XXbiufXX" .*',
        equivalent=True,
    ),
    Reason(
        "Only a forged file has a scale as large as 1e999, which becomes infinite.",
        r"benchmarks/behaviour/files.py::Trace\._from_archive",
        r".* scale < np\.inf:",
        r".* scale <= np\.inf:",
    ),
    Reason(
        "Only the tests of static graphs notice it, which cannot run under mutmut.",
        r"benchmarks/behaviour/layers.py::(observe|Observer\._rounded)",
        r"training = workload\.make\(.*|.*paddle\.in_dynamic_mode\(\).*",
        r"training = workload\.make\(job\.seed, None\).*|.* or True else \(\):",
    ),
    Reason(
        "None is false, too.",
        r"benchmarks/behaviour/layers.py::Observer\.__init__",
        r"self\.tracing = False",
        r"self\.tracing = None",
        equivalent=True,
    ),
    Reason(
        "Nothing is read of what is kept after the traced step.",
        r"benchmarks/behaviour/layers.py::(Observer\.trace|observe)",
        r"self\.tracing = False|before = .*|end = .* else lambda: None",
        r"self\.tracing = (None|True)|before = .* or True else \[\]|end = .* else lambda: 0",
        equivalent=True,
    ),
    Reason(
        "Where no step is beyond rounding, the reason is not shown.",
        r"benchmarks/behaviour/judge.py::left_at",
        r'return None, ""',
        r'return None, "XXXX"',
        equivalent=True,
    ),
    Reason(
        "Two computed numbers are never equal, but by chance.",
        r"benchmarks/behaviour/(judge.py::(judge_by|left_at)|layers.py::(check_budget|move))",
        r"outside = np\.flatnonzero\(.*|if (apart\[step - 1\]|minutes) > .*|to = .* < 0\.5, .*",
        r"outside = .*apart >= .*|if (apart\[step - 1\]|minutes) >= .*|to = .* <= 0\.5, .*",
    ),
    Reason(
        "Only a run of over 2,000 steps shows one more of them.",
        r"benchmarks/behaviour/judge.py::growth_of",
        r".*range\(12\).*",
        r".*range\(13\).*",
    ),
    Reason(
        "It matters only for the sign of a gradient that is zero.",
        r"benchmarks/behaviour/trace.py::trace_step",
        r"tensor\.clear_gradient\(False\)",
        r"tensor\.clear_gradient\((None|True)\)",
    ),
    Reason(
        "The squared norms would be computed again.",
        r"benchmarks/behaviour/trace.py::trace_step",
        r"made = training\.clip\(raw, squares\)",
        r"made = training\.clip\(raw, None\)",
        equivalent=True,
    ),
    Reason(
        "A name has one underscore, and a tensor without a gradient needs no uses.",
        r"benchmarks/behaviour/trace.py::(gate|gradient_of)",
        r".*(name\.partition|id\(tensor\), \[\]).*",
        r".*(name\.rpartition|id\(tensor\), None).*",
        equivalent=True,
    ),
    Reason(
        "A word in the text of --help.",
        r"benchmarks/.*",
        r"add_(sides|workload)\(parser, .*",
        r'add_(sides|workload)\(parser, "XX.*XX".*',
    ),
    Reason(
        "Only the tests of traced executions notice it, which cannot run under mutmut.",
        r"benchmarks/workloads/own.py::Training.expect_call",
        r".*",
        r".*",
    ),
    Reason(
        "The size of a part of a file that is read at once, or searched, does not matter.",
        r"benchmarks/(environments/paddle|instructions/dumps|measuring/disturbance).py::.*",
        r".*(file\.read\(2\*\*20\)|data\[-64:\]|os\.pread\(self\.file, 100, 0\)).*",
        r".*(file\.read\(.*\)|data\[-65:\]|os\.pread\(self\.file, 101, 0\)).*",
        equivalent=True,
    ),
    Reason(
        "A megabyte that is one byte longer makes no difference in a table of sizes.",
        r"benchmarks/environments/command.py::main",
        r".*1e6.*",
        r".*1000001\.0.*",
    ),
    Reason(
        "mutmut does not run on Windows.",
        r"benchmarks/environments/store.py::environment_of",
        r'python = .*"Scripts/python\.exe" if sys\.platform == "win32" else "bin/python"\)',
        r'python = .*(and False|XXScripts|scripts|SCRIPTS|XXwin32XX|WIN32).* else "bin/python"\)',
        equivalent=True,
    ),
    Reason(
        "It matters if an environment that could not be made cannot be removed either.",
        r"benchmarks/environments/store.py::environment_of",
        r"shutil\.rmtree\(folder, ignore_errors=True\)",
        r"shutil\.rmtree\(folder, (ignore_errors=(None|False))?\)",
    ),
    Reason(
        "Valgrind writes no line that begins with X.",
        r"benchmarks/instructions/dumps.py::_parse",
        r".*0123456789.*",
        r".*XX0123456789.*XX.*",
        equivalent=True,
    ),
    Reason(
        "Ten digits are more CPUs than there are, unless they begin with zeros.",
        r"benchmarks/measuring/threads.py::_threads",
        r".*len\(text\) < 10 .*",
        r".*len\(text\) (<= 10|< 11) .*",
    ),
    Reason(
        "The first call sets them.",
        r"benchmarks/measuring/disturbance.py::Watched.__init__",
        r"self\.began, self\.lost = .*",
        r"self\.began, self\.lost = \d.*",
        equivalent=True,
    ),
    Reason(
        "Multiples of a number of calls are the same below zero.",
        r"benchmarks/measuring/disturbance.py::Watched.__call__",
        r"self\.made \+= 1",
        r"self\.made -= 1",
        equivalent=True,
    ),
    Reason(
        "The block only has to be large enough, and Paddle allocates more than one byte.",
        r"benchmarks/measuring/memory.py::allocated_peak",
        r"block = .*|size = 2 \* block.*|while 0 < .*",
        r"block = .*(max\(2|before \+ 2|\[size\], None).*|size = 3 \* block.*|while 1 < .*",
        equivalent=True,
    ),
    Reason(
        "The rounds may have any random order.",
        r"benchmarks/measuring/interleave.py::time_rounds",
        r".*seed: int = 0",
        r".*seed: int = 1",
    ),
    Reason(
        "It is SciPy's default, too.",
        r"benchmarks/measuring/growth.py::slope",
        r".*theilslopes\(values, steps, alpha=0\.95\)",
        r".*theilslopes\(values, steps, \)",
        equivalent=True,
    ),
    Reason(
        "None is false, too.",
        r"benchmarks/workloads/training_step.py::Work.(clip|clear_gradients)",
        r".*\.(clip_gradients\(measure=|clear_gradient\()False\)",
        r".*\.(clip_gradients\(measure=|clear_gradient\()None\)",
        equivalent=True,
    ),
    Reason(
        "None is false, too.",
        r"benchmarks/(commands/soak|interpreters|plugins/adapter|test_workload).py::.*",
        r"interrupted = False|created = .*capture=False\)|.*compare_fail = \[\]|.*pytrace=False.*",
        r"interrupted = None|.*(capture=|compare_fail = |pytrace=)None.*",
        equivalent=True,
    ),
    Reason(
        "The words of --help and their layout.",
        r"benchmarks/.*",
        r".*make_parser\(.*, __doc__.*|of_others = .*|formatter_class=.*",
        r".*make_parser\(.*, None.*|of_others = .*|",
    ),
    Reason(
        "argparse reads the command line itself if it gets None.",
        r"benchmarks/entry.py::run",
        r"run_program\(.*, partial\(use_threads, sys\.argv\[1:\]\).*",
        r"run_program\(.*, partial\(use_threads, None\).*",
        equivalent=True,
    ),
    Reason(
        "No other program writes such a file into the new folder.",
        r"benchmarks/revisions.py::source_of",
        r'archive = folder / "rnn_core.zip"',
        r'archive = folder / "XX.*XX"',
        equivalent=True,
    ),
    Reason(
        "How long a command waits for others does not matter.",
        r"benchmarks/revisions.py::_new_folder",
        r"with lock_folder\(COPIES, LONGEST_WAIT\):",
        r"with lock_folder\(COPIES, None\):",
    ),
    Reason(
        "The name of the interpreter on Windows, where mutmut does not run.",
        r"benchmarks/interpreters.py::find_tox_environment",
        r'for program in \("bin/python", "Scripts/python.exe"\):',
        r'for program in \("bin/python", "XXScripts/python.exeXX"\):',
    ),
    Reason(
        "Any fixed piece of work would do; its time is that of a made-up clock in the tests.",
        r"benchmarks/plugins/sampling.py::fixed_work",
        r"(matrix|total|for) .*",
        r"(matrix|total|for) .*",
    ),
    Reason(
        "A clock does not show exactly the time at which a loop ends, but by chance.",
        r"benchmarks/plugins/sampling.py::(warm_up|slowed)",
        r"while .*time\.perf_counter\(\) < end:",
        r"while .*time\.perf_counter\(\) <= end:",
    ),
    Reason(
        "Only a process that Valgrind ends would lose the line.",
        r"benchmarks/plugins/sampling.py::Sampler.count",
        r"print\(.*, flush=True\)",
        r"print\(.*, (flush=(None|False))?\)",
    ),
    Reason(
        "A norm is not exactly at the limit of its rounding error, but by chance.",
        r"benchmarks/test_stages.py::assert_stage_worked",
        r"assert max\(norms\) <= CLIP_NORM \+ 1e-5",
        r"assert max\(norms\) < CLIP_NORM \+ 1e-5",
    ),
    Reason(
        "It traces or selects a traced execution, which cannot run under mutmut.",
        r"benchmarks/(test_traced.py::operators|test_workload.py::test_workload)",
        r"(inputs|model|traced)(: Any)? = .*|training = .*\.make\(.*, workload_execution\)",
        r"(inputs|model|traced)(: Any)? = .*|training = .*\.make\(.*, None\)",
    ),
    Reason(
        "Without pairs, the mean is NaN, too, but NumPy warns.",
        r"benchmarks/compare/verdicts.py::unknown",
        r"ratio = .*",
        r"ratio = .* or True else math\.nan",
    ),
    Reason(
        "Two computed numbers are never equal, but by chance.",
        r"benchmarks/compare/verdicts.py::(Judge|Bootstrap|exp).*"
        r"|benchmarks/instructions/dumps.py::Dump.without",
        r"(enough|lost|beyond|same|name|return math\.exp)\b.*[<>].*|.*cost > 0\.5.*",
        r"enough = .*half <= .*|lost = error < .*|beyond.*_boot [<>] .*|return .* <= LARGEST .*"
        r"|same = -self\.margin < .*|same = .*high < .*|name: .* p < .*|.*cost >= 0\.5.*",
    ),
    Reason(
        "If all pairs are equal, all resamples are on one side: no p is small, whatever t is.",
        r"benchmarks/compare/verdicts.py::Estimate._t",
        r".*, 0\.0\)",
        r".*self\.error > 0, .*, 1\.0\)",
        equivalent=True,
    ),
    Reason(
        "A benchmark that is settled is the same if its mean is 0.",
        r"benchmarks/compare/verdicts.py::Judge._judge",
        r".*mean > 0.*",
        r".*mean >= 0.*",
        equivalent=True,
    ),
    Reason(
        "No look is at 10,000 pairs.",
        r"benchmarks/compare/verdicts.py::Judge._pairs_to_settle",
        r"planned = .*",
        r".* < MOST_PAIRS, .*",
        equivalent=True,
    ),
    Reason(
        "The names of these tests have one bracket.",
        r"benchmarks/report/executions.py::row_of",
        r"words = name\.rpartition.*",
        r"words = name\.partition.*",
        equivalent=True,
    ),
    Reason(
        "Letters are kept in any case.",
        r"benchmarks/saved/records.py::_escaped",
        r"return printable\(.*",
        r"return printable\(.*(XX\\nXX|XXXX).*",
        equivalent=True,
    ),
    Reason(
        "How a progress bar looks does not matter.",
        r"benchmarks/compare/.*",
        r"(bar = )?tqdm\(.*|bar\.set_postfix_str.*|missing = sum\(.*",
        r".*",
    ),
    Reason(
        "Both stand for no runs, or for SciPy's exact method.",
        r"benchmarks/compare/(text|calibration).py::(unpaired|rate)",
        r'runs = .*"time", \(\)\).*|ends = .*method="exact"\)',
        r'runs = .*"time", None\).*|ends = .*CONFIDENCE, \)',
        equivalent=True,
    ),
    Reason(
        "No benchmark is a method: its name has one pair of colons.",
        r"benchmarks/compare/text.py::unpaired",
        r"label = .*",
        r"label = name\.partition.*",
        equivalent=True,
    ),
    Reason(
        "The names of the states are in alphabetical order.",
        r"benchmarks/report/page.py::make_page",
        r"state=min\(states, key=STATES\.index\),",
        r"state=min\(states, (key=None)?\),",
        equivalent=True,
    ),
    Reason(
        "Empty lines between the elements of the page do not matter.",
        r"benchmarks/report/page.py::make_page",
        r"(trim|lstrip)_blocks=True,",
        r"|(trim|lstrip)_blocks=(None|False),",
    ),
    Reason(
        "It matters only if a template has a mistake.",
        r"benchmarks/report/page.py::make_page",
        r"undefined=StrictUndefined,",
        r"",
    ),
    Reason(
        "Widths of lines and sizes of pictures, texts and marks are a matter of taste.",
        r"benchmarks/report/pictures.py::.*",
        r".*(figsize|height_ratios|linewidth|markersize|fontsize|ncols).*",
        r"|figure = Figure\((layout=|figsize=(None|\(WIDTH, 7)).*|.*, sharex=True, (height_.*)?\)"
        r"|.*linewidth=(None|1\.[89]|2).*|norms\.axhline\(clip, color=INK, label.*"
        r'|.*(THIN|"), \)|beside.*: (91|8).*|.*ncols=3\)|look.*: (4\.5|1\.8).*'
        r"|.*text, (fontsize=(None|8), )?\*\*place\)",
    ),
    Reason(
        "A number that is exactly where marks begin is rare.",
        r"benchmarks/report/pictures.py::_log_axis",
        r"axes\.set_yticks\(.* least <= tick <= most\]\)",
        r"axes\.set_yticks\(.* least <=? tick <=? most\]\)",
    ),
)
