"""Faults in the training loop, the gradients, the history and the data."""

from functools import partial

from tests.faults.fault import edit

in_loop = partial(edit, "training.py")
in_gradients = partial(edit, "gradients.py")
in_history = partial(edit, "history.py")
in_data = partial(edit, "data.py")

CLIPPING = """                if clip is not None:
                    clip_gradients(clip, parameters)
                    clipped_norms = gradient_norms(model)
"""
COUNT = "correct += count_correct(predictions, labels)\n"
UPDATE = "                optimizer.step()\n"
SGD = "SGD(learning_rate=config.learning_rate, parameters=parameters)"

FAULTS = (
    in_loop("loop-no-clip", "clipping is switched off", ("if clip is not None:", "if False:")),
    in_loop(
        "loop-clip-after-update",
        "clipping comes too late to matter",
        (CLIPPING, ""),
        (UPDATE, UPDATE + CLIPPING),
    ),
    in_loop(
        "loop-clip-recorded-not-applied",
        "the clipped gradients are looked at and thrown away",
        (
            CLIPPING,
            CLIPPING.replace(
                "clip_gradients(clip, parameters)",
                "kept = [p.grad.clone() for p in parameters]; clip_gradients(clip, parameters)",
            )
            + "                    for p, g in zip(parameters, kept):\n"
            + "                        p.grad = g\n",
        ),
    ),
    in_loop(
        "loop-clips-twice",
        "the loop clips, and the optimizer again: by-norm twice differs in the last digit only",
        (
            SGD,
            # In float32 alone: Paddle's optimizer takes no clipping but Paddle's.
            SGD.replace(
                "SGD(",
                "SGD(grad_clip=make_clip(config.clip, config.clip_norm) "
                "if config.dtype == 'float32' else None, ",
            ),
        ),
    ),
    in_loop(
        "loop-clips-by-both-kinds",
        "the loop clips by norm, and the optimizer by global norm",
        (
            SGD,
            SGD.replace(
                "SGD(", "SGD(grad_clip=make_clip('by-global-norm', config.clip_norm, 'float64'), "
            ),
        ),
    ),
    in_loop(
        "loop-threshold-1%-off",
        "the threshold loses its last digits",
        (
            "config.clip_norm, config.dtype)",
            "config.clip_norm and config.clip_norm * 1.01, config.dtype)",
        ),
    ),
    in_loop(
        "loop-one-parameter-not-clipped",
        "a parameter that clipping does not know",
        ("clip_gradients(clip, parameters)", "clip_gradients(clip, parameters[:-1])"),
    ),
    in_loop(
        "loop-learning-rate-1%-off",
        "a schedule that should not be there",
        (SGD, SGD.replace("config.learning_rate", "config.learning_rate * 1.01")),
    ),
    in_loop(
        "loop-first-parameter-not-trained",
        "a parameter that the optimizer does not know",
        (SGD, SGD.replace("parameters=parameters", "parameters=parameters[1:]")),
    ),
    in_loop(
        "loop-last-parameter-not-trained",
        "a parameter that the optimizer does not know",
        (SGD, SGD.replace("parameters=parameters", "parameters=parameters[:-1]")),
    ),
    in_loop(
        "loop-momentum",
        "another optimizer under the same learning rate",
        (SGD, SGD.replace("SGD(", "Momentum(momentum=0.1, ")),
    ),
    in_loop(
        "loop-weight-decay",
        "a default that is not zero",
        (SGD, SGD.replace("SGD(", "SGD(weight_decay=1e-4, ")),
    ),
    in_loop(
        "loop-gradients-not-cleared",
        "gradients of all steps add up",
        ("optimizer.clear_grad()", "pass"),
    ),
    in_loop(
        "loop-raw-norms-after-clipping",
        "the norm is taken after the clipping, not before",
        ("raw_norms = clipped_norms = gradient_norms(model)", "raw_norms = clipped_norms = {}"),
        (
            "clipped_norms = gradient_norms(model)\n\n",
            "pass\n                raw_norms = clipped_norms = gradient_norms(model)\n\n",
        ),
    ),
    in_loop(
        "loop-clipped-norms-are-raw",
        "the same norms under two names",
        (CLIPPING, CLIPPING.replace("clipped_norms = gradient_norms(model)", "pass")),
    ),
    in_loop(
        "loop-accuracy-after-update",
        "the accuracy is that of weights that have just seen the answer",
        (
            COUNT,
            f"optimizer.step()\n                {COUNT}".replace("predictions", "model(tokens)[0]"),
        ),
        (
            '                    return history("non-finite")\n' + UPDATE,
            '                    return history("non-finite")\n',
        ),
    ),
    in_loop(
        "loop-accuracy-within-0.11",
        "a tolerance copied wrongly",
        ("CORRECT_WITHIN = 0.1", "CORRECT_WITHIN = 0.11"),
    ),
    in_loop(
        "loop-sum-of-squares",
        "sum instead of mean over the batch",
        ("F.mse_loss(predictions, labels)", 'F.mse_loss(predictions, labels, reduction="sum")'),
    ),
    in_loop(
        "loop-labels-broadcast",
        "labels [B] against predictions [B, 1] give [B, B] in silence",
        ("F.mse_loss(predictions, labels)", "F.mse_loss(predictions, labels.flatten())"),
    ),
    in_loop(
        "loop-absolute-error",
        "another loss",
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
        ("range(1, config.epochs + 1)", "range(1, config.epochs)"),
    ),
    in_loop(
        "loop-updates-with-nan",
        "the weights are lost with the step that should have been refused",
        (
            "                if config.on_nonfinite != ",
            "                optimizer.step()\n                if config.on_nonfinite != ",
        ),
        (
            '                    return history("non-finite")\n' + UPDATE,
            '                    return history("non-finite")\n',
        ),
    ),
    in_loop(
        "loop-misses-infinite-gradients",
        "only the loss is looked at",
        ("(step.loss, *norms)", "(step.loss,)"),
    ),
    in_gradients(
        "clip-globally-for-by-norm",
        "the wrong kind of clipping under the right name",
        (
            "return paddle.nn.ClipGradByNorm(clip_norm)",
            "return paddle.nn.ClipGradByGlobalNorm(clip_norm)",
        ),
    ),
    in_gradients(
        "clip-by-norm-for-global",
        "the wrong kind of clipping under the right name",
        (
            "return paddle.nn.ClipGradByGlobalNorm(clip_norm)",
            "return paddle.nn.ClipGradByNorm(clip_norm)",
        ),
    ),
    in_gradients(
        "clip-by-value-for-by-norm",
        "clips each entry, and changes the direction",
        (
            "return paddle.nn.ClipGradByNorm(clip_norm)",
            "return paddle.nn.ClipGradByValue(clip_norm)",
        ),
    ),
    in_gradients(
        "norm-of-the-weights",
        "the norm of the wrong tensor",
        ("l2_norm(parameter.grad.numpy())", "l2_norm(parameter.numpy())"),
    ),
    in_gradients(
        "norm-squared", "the root is forgotten", ("return math.sqrt(squares)", "return squares")
    ),
    in_gradients(
        "norm-in-float32",
        "squares overflow where an explosion passes through",
        ("wide = values.astype(np.float64)", "wide = values.astype(np.float32)"),
    ),
    in_history(
        "history-of-clipped-norms",
        "one series saved under both names",
        (
            'arrays[f"raw_norms/{name}"] = self.raw_norms[name]',
            'arrays[f"raw_norms/{name}"] = self.clipped_norms[name]',
        ),
    ),
    in_history(
        "history-calls-a-fit-vanished",
        "zero gradients of a perfect fit are taken for an explosion's",
        ("(values == 0) & ~zero_loss", "(values == 0)"),
    ),
    in_history(
        "history-counts-steps-from-zero",
        "off by one in what is told",
        ("Event(kind, first + 1,", "Event(kind, first,"),
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
        "sorted samples",
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
        "token -1 is read out of bounds in silence",
        ("if low < 0 or high >= vocab_size", "if high >= vocab_size"),
    ),
    in_data(
        "data-flat-labels",
        "labels [B] where predictions are [B, 1]",
        ("labels = [[label] for _, label in samples]", "labels = [label for _, label in samples]"),
    ),
)
