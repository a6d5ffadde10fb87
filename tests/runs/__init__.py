"""Tests of whole training runs: behaviour, cost and reproducibility."""
