"""The independent implementation in NumPy, float64, and the tests that prove it."""
