"""Benchmarks of training steps and experiments; README.md in this folder explains them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
