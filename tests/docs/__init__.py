"""Tests of the documentation and of the built package."""
