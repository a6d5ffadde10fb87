"""Faults in checkpoints, in resuming from them, and in writing files."""

from functools import partial

from tests.faults.fault import edit

in_checkpoint = partial(edit, "checkpoints/checkpoint.py")
in_folder = partial(edit, "checkpoints/folder.py")
in_loop = partial(edit, "training.py")
in_recorder = partial(edit, "recorder.py")
in_random_states = partial(edit, "checkpoints/random_states.py")
in_files = partial(edit, "runtime/files.py")

COUNTS = """    self._count()
        epoch, index = divmod(self.trained - 1, self.batches)
"""
SAVES = '                folder.save(recorder.history("interrupted"), position)\n'
UPDATE = "            training.update()\n"

FAULTS = (
    in_checkpoint(
        "checkpoint-weights-not-restored",
        "the run continues with the initial weights of its seed",
        ("set_weights(model, self.weights)", "pass"),
    ),
    in_folder(
        "checkpoint-found-and-begun-again",
        "a run with a valid checkpoint starts again",
        ("self._use(checkpoint, path, config)", "return None"),
    ),
    in_checkpoint(
        "checkpoint-paddle-not-seeded",
        "Paddle draws the numbers of the run's first steps again",
        ("seed_paddle(self.history.config.seed, self.history.steps)", "pass"),
    ),
    in_random_states(
        "checkpoint-paddle-seed-without-step",
        "Paddle draws the same numbers after every stop",
        ("SeedSequence((seed, steps))", "SeedSequence((seed, 0))"),
    ),
    in_random_states(
        "checkpoint-numpy-generator-not-restored",
        "the state of one generator is not restored",
        ("np.random.set_state(  #", "str(  #"),
    ),
    in_random_states(
        "checkpoint-python-generator-not-restored",
        "the state of one generator is not restored",
        ("random.setstate((3, tuple(python_words.tolist()), gauss))", "pass"),
    ),
    in_random_states(
        "checkpoint-waiting-number-lost",
        "the second of two normal numbers is lost",
        ("gauss = None if np.isnan(python_gauss) else python_gauss", "gauss = None"),
    ),
    in_recorder(
        "checkpoint-one-step-again",
        "off by one in the position in the data",
        ("Position(epoch + 1, index + 1,", "Position(epoch + 1, index,"),
    ),
    in_loop(
        "checkpoint-epoch-begun-again",
        "the position in the epoch is lost",
        ("start.batch if epoch == start.epoch else 0", "0"),
    ),
    in_loop(
        "checkpoint-place-in-every-epoch",
        "the batches skipped in the first epoch are skipped in every epoch",
        ("start.batch if epoch == start.epoch else 0", "start.batch"),
    ),
    in_recorder(
        "checkpoint-history-lost",
        "the history begins where the run was resumed",
        ("history if self.past is None else self.past.followed_by(history)", "history"),
    ),
    in_recorder(
        "checkpoint-steps-from-one",
        "a resumed run numbers its steps from 1",
        ("self.trained = 0 if past is None else past.steps", "self.trained = 0"),
    ),
    in_recorder(
        "checkpoint-epochs-count-lost",
        "correct predictions from before the stop are not counted",
        ("= start.correct, start.total", "= 0, 0"),
    ),
    in_recorder(
        "checkpoint-uncounted-lost",
        "predictions that wait for the next recorded step are lost at the stop",
        (COUNTS, COUNTS.replace("self._count()", "pass")),
    ),
    in_recorder(
        "checkpoint-counts-twice",
        "predictions that a checkpoint counted are counted again",
        (
            COUNTS,
            COUNTS.replace(
                "self._count()",
                "waiting = [*self._uncounted]; self._count(); self._uncounted = waiting",
            ),
        ),
    ),
    in_loop(
        "checkpoint-before-the-update",
        "a checkpoint holds the weights from before its step",
        (UPDATE, ""),
        (SAVES, SAVES + UPDATE),
    ),
    in_folder(
        "checkpoint-last-step-not-written",
        "no checkpoint is written after the last step",
        ("return last or steps", "return steps"),
    ),
    in_folder(
        "checkpoint-ctrl-c-writes-nothing",
        "Ctrl-C writes no checkpoint",
        (" or self.interrupted()\n", "\n"),
    ),
    edit(
        "history.py",
        "checkpoint-unpickles",
        "a foreign checkpoint can run code",
        ("allow_pickle=False", "allow_pickle=True"),
    ),
    in_folder(
        "checkpoint-damaged-stays",
        "a damaged checkpoint counts as one of the last three",
        ('damaged.replace(damaged.with_name(f"{damaged.name}.refused"))', "pass"),
    ),
    edit(
        "parameters.py",
        "checkpoint-other-weights-accepted",
        "weights of another model are accepted",
        ("    check_weights(parameters, weights)\n", ""),
    ),
    in_folder(
        "checkpoint-all-damaged-begins-anew",
        "a run whose checkpoints are all damaged starts again and overwrites them",
        ("        if refused:\n", "        if False:\n"),
    ),
    in_checkpoint(
        "checkpoint-of-another-config",
        "a run continues with different settings",
        ('if name != "epochs" and saved', 'if name == "cell" and saved'),
    ),
    in_checkpoint(
        "checkpoint-of-other-data",
        "a run continues with different data",
        ("if self.data != data", "if False"),
    ),
    in_folder(
        "checkpoint-oldest-first",
        "the oldest checkpoint is used instead of the last",
        ("reversed(checkpoint_files(self.folder))", "checkpoint_files(self.folder)"),
    ),
    in_folder("checkpoint-keeps-one", "only the last checkpoint is kept", ("KEEP = 3", "KEEP = 1")),
    in_folder(
        "checkpoint-used-folder-overwritten",
        "a new run starts in the folder of an earlier one",
        ("if files and not resume", "if False"),
    ),
    in_folder(
        "checkpoint-no-lock",
        "two runs write into one folder",
        ("fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass"),
    ),
    in_checkpoint(
        "checkpoint-written-in-place",
        "a full disk or a crash leaves half a file",
        ("with write_whole(path) as file", 'with path.open("wb") as file'),
    ),
    in_files(
        "files-content-not-flushed",
        "after a power failure the file exists and is empty",
        ("os.fsync(file.fileno())", "pass"),
    ),
    in_files(
        "files-name-not-flushed",
        "after a power failure the file has its old content",
        ("    _sync_directory(path.parent)\n", ""),
    ),
)
