"""The commands that measure on one environment."""
