"""Environments with one Paddle each, for the sides of a comparison."""
