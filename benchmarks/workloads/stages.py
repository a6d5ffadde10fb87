"""Stages of a training step, importable before Paddle."""

from typing import Literal, get_args

Stage = Literal["step", "recorded", "forward", "backward", "clip", "update"]
STAGES: tuple[Stage, ...] = get_args(Stage)
# The whole step, which the others are parts or variants of.
WHOLE_STEP: Stage = "step"
