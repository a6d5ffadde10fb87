"""Instructions that a benchmark executes, counted by Valgrind, and the functions that cost them."""
