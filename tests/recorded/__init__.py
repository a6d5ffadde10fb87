"""Whole outputs, compared with recorded ones."""
