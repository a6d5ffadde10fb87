"""Faults in the generated data and in training by several processes."""

from functools import partial

from tests.faults.fault import edit

in_data = partial(edit, "data/digit_sums.py")
in_parallel = partial(edit, "runtime/parallel.py")
in_step = partial(edit, "step.py")
in_batches = partial(edit, "data/batches.py")
in_run = partial(edit, "commands/run.py")
in_output = partial(edit, "commands/output.py")
in_folder = partial(edit, "checkpoints/folder.py")
in_recorder = partial(edit, "recorder.py")

KEEPS = 'known["_averaging"] = paddle.DataParallel(model)'
SAVES = "\n                self._save("
ENOUGH = "if batch_size < size():"

FAULTS = (
    in_data(
        "digits-held-out-trained-with",
        "held-out samples are also trained on",
        ("1 + _below(BASE - 1, raw[:, -1])", "_below(BASE, raw[:, -1])"),
    ),
    in_data(
        "digits-split-by-chance",
        "what is held out depends on the stream, not on the digits",
        ("_bits(self.seed, SPLIT)", "_bits(self.seed + self.held_out, SPLIT)"),
    ),
    in_data(
        "digits-seed-ignored",
        "every seed has the same samples",
        ("SeedSequence(seed, spawn_key", "SeedSequence(0, spawn_key"),
    ),
    in_data(
        "digits-same-batch-again",
        "the stream does not advance: every batch equals the first",
        ("stream.advance(start * self.digits)", "pass"),
    ),
    in_data(
        "digits-batches-overlap",
        "the stream advances by samples, not by digits",
        ("stream.advance(start * self.digits)", "stream.advance(start)"),
    ),
    in_data(
        "digits-last-batch-full",
        "the last batch has samples beyond the count",
        ("min(start + self.batch_size, self.count)", "start + self.batch_size"),
    ),
    in_data(
        "digits-no-nine",
        "off by one in the range of a digit",
        ("digits = _below(BASE, raw)", "digits = _below(BASE - 1, raw)"),
    ),
    in_data(
        "digits-label-of-the-first",
        "the last digit is not added",
        ("labels = digits.sum(", "labels = digits[:, :-1].sum("),
    ),
    in_batches(
        "stream-not-checked-on",
        "of a stream, only the first and the last batch are checked",
        ("                check_batch(batch, self.config)\n", ""),
    ),
    in_batches(
        "stream-last-not-checked",
        "a wrong last batch is noticed after an epoch of training",
        ("{0, len(self) - 1}", "{0}"),
    ),
    in_batches(
        "stream-resumed-from-the-start",
        "a run resumed within an epoch repeats its first batches",
        ("range(first, len(self))", "range(len(self) - first)"),
    ),
    in_parallel(
        "parallel-no-average",
        "gradients are not averaged: every process trains alone",
        (KEEPS, 'known["_averaging"] = model'),
    ),
    in_parallel(
        "parallel-all-see-the-first-share",
        "every process trains on the first one's samples",
        ("mine = slice(start, start +", "start = 0\n    mine = slice(start, start +"),
    ),
    in_parallel(
        "parallel-shares-drop-the-rest",
        "samples that do not divide are dropped",
        ("+ each + (rank() < more)", "+ each"),
    ),
    in_parallel(
        "parallel-mean-of-means",
        "shares of different sizes have the same weight",
        ("return mine * size() / whole", "return 1.0"),
    ),
    in_parallel(
        "parallel-weight-upside-down",
        "gradients are added, not averaged",
        ("return mine * size() / whole", "return mine * size() ** 2 / whole"),
    ),
    in_parallel(
        "parallel-total-of-one",
        "the first process's numbers are recorded as the whole batch's",
        ("    paddle.distributed.all_reduce(everywhere)\n", ""),
    ),
    in_step(
        "parallel-loss-of-the-share",
        "the recorded loss is not the whole batch's",
        ("parallel.total(float(loss.numpy())) / parallel.size()", "float(loss.numpy())"),
    ),
    in_recorder(
        "parallel-count-of-the-share",
        "each process counts only the correct predictions of its own share",
        ("int(parallel.total(correct))", "correct"),
    ),
    in_folder(
        "parallel-everybody-writes-checkpoints",
        "all processes write the same checkpoint files",
        (f"if parallel.rank() == 0:{SAVES}", f"if True:{SAVES}"),
    ),
    in_folder(
        "parallel-error-of-one",
        "one process fails, and the others wait for it forever",
        ("    if failed:\n", "    if False:\n"),
    ),
    in_parallel(
        "parallel-one-sample-for-two",
        "a batch that cannot be shared is not refused before any work",
        (ENOUGH, "if batch_size < 0:"),
    ),
    in_run(
        "parallel-everybody-writes",
        "all processes write the same history file",
        ("options.save = options.plot = None", "pass"),
    ),
    in_output(
        "parallel-everybody-prints",
        "every process prints the same lines",
        ("    if parallel.rank() > 0:\n        return\n", ""),
    ),
)
