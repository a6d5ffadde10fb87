"""Faults in checkpoints, in going on from them, and in how files are written."""

from functools import partial

from tests.faults.fault import edit

in_checkpoint = partial(edit, "checkpoints/checkpoint.py")
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
        "the run goes on from the weights of its seed",
        ("set_weights(model, self.weights)", "pass"),
    ),
    in_checkpoint(
        "checkpoint-found-and-begun-again",
        "a good checkpoint is there, and the run begins again",
        ("                checkpoint.restore(self.model)\n", "                return None\n"),
    ),
    in_random_states(
        "checkpoint-paddle-generator-not-restored",
        "what is drawn after the stop was drawn before",
        ('_restore_paddle(int(states["paddle_seed"]), states["paddle_next"])', "pass"),
    ),
    in_random_states(
        "checkpoint-generator-one-draw-ahead",
        "off by one in the place of a generator",
        (
            "if start:\n                        paddle.rand([start]",
            "if True:\n                        paddle.rand([start + 1]",
        ),
    ),
    in_random_states(
        "checkpoint-looking-draws",
        "whoever writes checkpoints gets other random numbers",
        ("    paddle.set_rng_state(state)\n", ""),
    ),
    in_random_states(
        "checkpoint-numpy-generator-not-restored",
        "only Paddle's generator is thought of",
        ("np.random.set_state(  #", "str(  #"),
    ),
    in_random_states(
        "checkpoint-python-generator-not-restored",
        "only Paddle's generator is thought of",
        ("random.setstate((3, tuple(python_words.tolist()), gauss))", "pass"),
    ),
    in_random_states(
        "checkpoint-waiting-number-lost",
        "of two normal numbers that were made, the second is forgotten",
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
    in_checkpoint(
        "checkpoint-last-step-not-written",
        "the end of a run is not among its checkpoints",
        ("return last or steps", "return steps"),
    ),
    in_checkpoint(
        "checkpoint-ctrl-c-writes-nothing",
        "Ctrl-C waits for the next checkpoint, however far",
        (" or self.interrupted()\n", "\n"),
    ),
    edit(
        "history.py",
        "checkpoint-unpickles",
        "a stranger's checkpoint runs what it says",
        ("allow_pickle=False", "allow_pickle=True"),
    ),
    in_checkpoint(
        "checkpoint-damaged-stays",
        "a damaged one counts among the last good ones",
        ('damaged.replace(damaged.with_name(f"{damaged.name}.refused"))', "pass"),
    ),
    in_checkpoint(
        "checkpoint-other-weights-accepted",
        "another model's weights are taken",
        ("checkpoint.check_model(path, self.model)", "pass"),
    ),
    in_checkpoint(
        "checkpoint-all-damaged-begins-anew",
        "a run whose checkpoints are all damaged begins again and overwrites them",
        ("        if refused:\n", "        if False:\n"),
    ),
    in_checkpoint(
        "checkpoint-of-another-config",
        "a run goes on with other settings than it began with",
        ('if name != "epochs" and there', 'if name == "cell" and there'),
    ),
    in_checkpoint(
        "checkpoint-of-other-data",
        "a run goes on with other data",
        ("if self.data != data", "if False"),
    ),
    in_checkpoint(
        "checkpoint-oldest-first",
        "the oldest is taken for the last",
        ("reversed(checkpoint_files(self.folder))", "checkpoint_files(self.folder)"),
    ),
    in_checkpoint("checkpoint-keeps-one", "the last one is the only one", ("KEEP = 3", "KEEP = 1")),
    in_checkpoint(
        "checkpoint-used-folder-overwritten",
        "a run that was not to be resumed begins in the folder of another",
        ("if files and not resume", "if False"),
    ),
    in_checkpoint(
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
        "after a power failure the file is there and empty",
        ("os.fsync(file.fileno())", "pass"),
    ),
    in_files(
        "files-name-not-flushed",
        "after a power failure the file has its old content",
        ("    _keep_name(path.parent)\n", ""),
    ),
)
