"""Stages of a training step. This module does not import Paddle."""

from typing import Literal, get_args

Stage = Literal["step", "recorded", "forward", "backward", "clip", "update"]
STAGES: tuple[Stage, ...] = get_args(Stage)
# The whole step; the other stages are parts or variants of it.
WHOLE_STEP: Stage = "step"
# The first step of a traced execution, which also traces and compiles.
FIRST_STEP = "first"
