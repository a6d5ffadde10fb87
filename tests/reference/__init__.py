"""Independent reference implementation in NumPy and float64, with its tests."""
