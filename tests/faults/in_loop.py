"""Faults in the training loop, the gradients, the history and the data."""

from functools import partial

from tests.faults.fault import edit

in_loop = partial(edit, "training.py")
in_recorder = partial(edit, "recorder.py")
in_step = partial(edit, "step.py")
in_gradients = partial(edit, "gradients.py")
in_history = partial(edit, "history.py")
in_data = partial(edit, "data/batch.py")

IF_CLIPPED = "if self.clip is not None:"
CLIP = "clipped = self.clip(raw, raw_squares)"
LEARNING_RATE = "paddle.to_tensor(learning_rate,"
TRAINED = "zip(self.parameters.weights, self.clipped, strict=True):"
SGD = "op.sgd_(weight, self.learning_rate, gradient, None, False)"
CLIPS = '{"by-norm": clip_by_norm, "by-global-norm": clip_by_global_norm}'
UPDATE = "            training.update()\n"
RECORDS = "step = recorder.record(predictions, labels, samples, measured)"
STOPS = "            if step is not None and not step.finite"
WAITS = """if self.config.record:
            self._uncounted.append((predictions, labels))
            if measured is not None or last:
"""
DUE = "return every > 0 and (self.trained + 1) % every == 0"

FAULTS = (
    in_step("loop-no-clip", "clipping is switched off", (IF_CLIPPED, "if False:")),
    in_step(
        "loop-clip-after-update",
        "gradients are clipped after the update",
        (IF_CLIPPED, "if False:"),
        (
            SGD,
            f"{SGD}\n        {IF_CLIPPED}\n            self.clip(self.clipped, None)",
        ),
    ),
    in_step(
        "loop-clip-recorded-not-applied",
        "the clipped gradients are computed but not used",
        ("self.clipped = clipped", "self.clipped = raw"),
    ),
    in_step(
        "loop-clips-twice",
        "the loop clips, and the update again: by-norm twice differs in the last digit only",
        (
            TRAINED,
            TRAINED.replace(
                "self.clipped",
                "(self.clip or (lambda given, _: given))(self.clipped, None)",
            ),
        ),
    ),
    in_step(
        "loop-clips-by-both-kinds",
        "the loop clips by norm, and the update by global norm",
        ("import GradientClip,", "import GradientClip, clip_by_global_norm,"),
        (
            TRAINED,
            TRAINED.replace(
                "self.clipped",
                "(self.clipped if self.clip is None else "
                "clip_by_global_norm(self.clipped, **self.clip.keywords))",
            ),
        ),
    ),
    in_loop(
        "loop-threshold-1%-off",
        "the threshold is rounded",
        (
            "make_clip(config.clip, config.clip_norm)",
            "make_clip(config.clip, config.clip_norm and config.clip_norm * 1.01)",
        ),
    ),
    in_step(
        "loop-one-parameter-not-clipped",
        "clipping misses a parameter",
        (
            CLIP,
            "clipped = [*self.clip(raw[:-1], raw_squares and raw_squares[:-1]), raw[-1]]",
        ),
    ),
    in_step(
        "loop-clips-by-another-norm",
        "clipping gets the recorded norms in the wrong order",
        (CLIP, "clipped = self.clip(raw, raw_squares and raw_squares[::-1])"),
    ),
    in_step(
        "loop-learning-rate-1%-off",
        "an unintended schedule of the learning rate",
        (LEARNING_RATE, "paddle.to_tensor(learning_rate * 1.01,"),
    ),
    in_step(
        "loop-first-parameter-not-trained",
        "the update misses a parameter",
        (TRAINED, TRAINED.replace("weights", "weights[1:]").replace("clipped", "clipped[1:]")),
    ),
    in_step(
        "loop-last-parameter-not-trained",
        "the update misses a parameter",
        (TRAINED, TRAINED.replace("weights", "weights[:-1]").replace("clipped", "clipped[:-1]")),
    ),
    in_step(
        "loop-momentum",
        "a different optimizer with the same learning rate",
        (
            SGD,
            'past = vars(self).setdefault("past", {})\n'
            "            gradient = past[id(weight)] = (\n"
            "                gradient + 0.1 * past.get(id(weight), 0 * gradient)\n"
            f"            ).detach()\n            {SGD}",
        ),
    ),
    in_step(
        "loop-weight-decay",
        "a weight decay whose default is not zero",
        (SGD, SGD.replace("gradient,", "gradient + 1e-4 * weight.detach(),")),
    ),
    in_step(
        "loop-gradients-not-cleared",
        "gradients of all steps add up",
        ("tensor.clear_gradient(False)", "pass"),
    ),
    in_step(
        "loop-raw-norms-after-clipping",
        "the norm is taken after the clipping, not before",
        ("norms[: len(raw)]", "norms[-len(raw) :]"),
    ),
    in_step(
        "loop-clipped-norms-are-raw",
        "raw norms are recorded as clipped norms",
        ("norms[-len(raw) :]", "norms[: len(raw)]"),
    ),
    in_step(
        "norm-of-the-weights",
        "norms of the weights are recorded",
        ("squared_norms(raw) if measure", "squared_norms(self.parameters.weights) if measure"),
    ),
    in_step(
        "loop-updates-before-clipping",
        "the update comes before gradients are clipped or checked",
        (
            "averages the gradients over them.\n",
            "\n        self.clipped = self.parameters.gradients()\n        self._update()\n",
        ),
        (
            "    def update(self)",
            "    def update(self) -> None:\n        pass\n\n    def _update(self)",
        ),
    ),
    in_step(
        "loop-loss-of-the-root",
        "the root of the mean squared error is recorded",
        ("float(loss.numpy())", "float(loss.numpy()) ** 0.5"),
    ),
    in_loop(
        "loop-accuracy-after-update",
        "the accuracy is that of the updated weights",
        (UPDATE, ""),
        (
            RECORDS,
            f"{UPDATE.strip()}\n            "
            + RECORDS.replace("predictions", "training.model(tokens)[0]"),
        ),
    ),
    in_recorder("loop-records-everything", "`record` has no effect", (DUE, "return True")),
    in_recorder(
        "loop-records-off-by-one",
        "off by one: step 1 is recorded instead of step n",
        (DUE, DUE.replace("(self.trained + 1)", "self.trained")),
    ),
    in_recorder(
        "loop-unrecorded-steps-not-counted",
        "the accuracy is that of the recorded steps alone",
        (WAITS, WAITS.replace("self._uncounted", "if measured is not None: self._uncounted")),
    ),
    in_recorder(
        "loop-end-of-epoch-not-counted",
        "predictions after the last recorded step of an epoch are not counted",
        ("if measured is not None or last:", "if measured is not None:"),
    ),
    in_recorder(
        "loop-counts-again",
        "predictions are counted again at every later recorded step",
        ("        self._uncounted.clear()\n", ""),
    ),
    in_recorder(
        "loop-keeps-predictions",
        "if nothing is recorded, every prediction and its graph stay in memory",
        ("        if self.config.record:\n", "        if True:\n"),
        ("if measured is not None or last:", "if self.config.record and (measured or last):"),
    ),
    in_recorder(
        "loop-epoch-ends-early",
        "off by one in the step of an accuracy",
        ("append((self.trained, self._correct", "append((self.trained - 1, self._correct"),
    ),
    in_recorder(
        "loop-numbers-records-not-steps",
        "the n-th recorded step gets the number n",
        ("number=self.trained + 1", "number=len(self._steps) + 1"),
    ),
    in_recorder(
        "loop-accuracy-within-0.11",
        "a tolerance copied wrongly",
        ("CORRECT_WITHIN = 0.1", "CORRECT_WITHIN = 0.11"),
    ),
    in_step(
        "loop-sum-of-squares",
        "sum instead of mean over the batch",
        ("F.mse_loss(predictions, labels)", 'F.mse_loss(predictions, labels, reduction="sum")'),
    ),
    in_step(
        "loop-labels-broadcast",
        "labels [B] and predictions [B, 1] are broadcast to [B, B]",
        ("F.mse_loss(predictions, labels)", "F.mse_loss(predictions, labels.flatten())"),
    ),
    in_step(
        "loop-absolute-error",
        "a different loss",
        ("F.mse_loss(predictions, labels)", "F.l1_loss(predictions, labels)"),
    ),
    in_loop(
        "loop-seed-ignored",
        "every seed is the same",
        ("paddle.seed(config.seed)", "paddle.seed(0)"),
    ),
    in_loop("loop-not-seeded", "the seed is never set", ("paddle.seed(config.seed)", "pass")),
    in_loop(
        "loop-one-epoch-short",
        "off by one in the number of epochs",
        ("range(start.epoch, config.epochs + 1)", "range(start.epoch, config.epochs)"),
    ),
    in_loop(
        "loop-updates-with-nan",
        "the weights are updated by the step that should have been refused",
        (UPDATE, ""),
        (STOPS, UPDATE + STOPS),
    ),
    in_recorder(
        "loop-misses-infinite-gradients",
        "only the loss is checked, not the norms",
        ("(self.loss, *norms)", "(self.loss,)"),
    ),
    in_gradients(
        "clip-globally-for-by-norm",
        "the wrong kind of clipping under the right name",
        (CLIPS, CLIPS.replace(": clip_by_norm", ": clip_by_global_norm")),
    ),
    in_gradients(
        "clip-by-norm-for-global",
        "the wrong kind of clipping under the right name",
        (CLIPS, CLIPS.replace(": clip_by_global_norm", ": clip_by_norm")),
    ),
    in_gradients(
        "clip-by-value-for-by-norm",
        "clips each entry, and changes the direction",
        (
            CLIPS,
            CLIPS.replace(
                ": clip_by_norm", ": lambda given, _, limit: [g.clip(-limit, limit) for g in given]"
            ),
        ),
    ),
    in_gradients(
        "clip-lifts-small-gradients",
        "small gradients are scaled up to the threshold",
        ("bound / op.maximum(bound, square.sqrt())", "bound / square.sqrt()"),
    ),
    in_gradients(
        "clip-by-the-square",
        "clipping compares the square of the norm",
        ("op.maximum(bound, square.sqrt())", "op.maximum(bound, square)"),
    ),
    in_gradients(
        "norm-read-squared",
        "the square root is missing",
        ("math.sqrt(square) if", "square if"),
    ),
    in_gradients(
        "norm-overflows",
        "squares overflow in float32 during an explosion",
        ("if low < square < high else", "if square == square else"),
    ),
    in_gradients(
        "norm-underflows",
        "squares underflow in float32 when gradients vanish",
        ("if low < square < high else", "if square < high else"),
    ),
    in_gradients(
        "norm-squared",
        "the square root is missing",
        ("return math.sqrt(squares)", "return squares"),
    ),
    in_gradients(
        "norm-in-float32",
        "squares overflow during an explosion",
        ("wide = values.astype(np.float64)", "wide = values.astype(np.float32)"),
    ),
    in_history(
        "history-of-clipped-norms",
        "clipped norms are saved as raw norms",
        (
            'arrays[f"raw_norms/{name}"] = self.raw_norms[name]',
            'arrays[f"raw_norms/{name}"] = self.clipped_norms[name]',
        ),
    ),
    in_history(
        "history-calls-a-fit-vanished",
        "zero gradients of a perfect fit count as vanished",
        ("(values == 0) & ~zero_loss", "(values == 0)"),
    ),
    in_history(
        "history-counts-steps-from-zero",
        "off by one in the step of an event",
        ("step, value = int(self.recorded[first])", "step, value = int(self.recorded[first]) - 1"),
    ),
    in_history(
        "history-event-numbers-records",
        "the n-th recorded step gets the number n",
        ("int(self.recorded[first])", "first + 1"),
    ),
    in_history(
        "history-saves-no-step-numbers",
        "the file does not say which steps were recorded",
        ('"recorded": self.recorded,', '"recorded": np.arange(1, len(self.loss) + 1),'),
    ),
    in_history(
        "history-steps-are-records",
        "a run that recorded fewer steps is read as a shorter run",
        ('steps=int(stored["steps"])', 'steps=len(stored["loss"])'),
    ),
    in_data("data-wrong-label", "one label in four is wrong", ("((3, 2), 5)", "((3, 2), 6)")),
    in_data(
        "data-padded-left",
        "zeros before the digits",
        (
            "list(digits) + [0] * (num_steps - len(digits))",
            "[0] * (num_steps - len(digits)) + list(digits)",
        ),
    ),
    in_data(
        "data-one-zero-short",
        "off by one in the length",
        ("[0] * (num_steps - len(digits))", "[0] * (num_steps - len(digits) - 1)"),
    ),
    in_data(
        "data-another-order",
        "the samples are sorted",
        (
            "samples = SAMPLES[start : start + batch_size]",
            "samples = sorted(SAMPLES)[start : start + batch_size]",
        ),
    ),
    in_data(
        "data-last-batch-dropped",
        "a batch that is not full is dropped",
        (
            "range(0, len(SAMPLES), batch_size)",
            "range(0, len(SAMPLES) - batch_size + 1, batch_size)",
        ),
    ),
    in_data(
        "data-negative-token-unseen",
        "token -1 is accepted, and reads out of bounds",
        ("if low < 0 or high >= vocab_size", "if high >= vocab_size"),
    ),
    in_data(
        "data-flat-labels",
        "labels have the shape [B] in place of [B, 1]",
        ("labels = [[label] for _, label in samples]", "labels = [label for _, label in samples]"),
    ),
)
