"""Damaged and forged files for every reader of files."""
