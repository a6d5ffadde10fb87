"""Step times and behaviours, compared with the last run: see README.md beside this file."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
