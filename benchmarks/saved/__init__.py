"""Files of saved runs and results, and which runs can be compared."""
