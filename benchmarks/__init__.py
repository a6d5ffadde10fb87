"""Step times and behaviours, compared with the last run: see README.md beside this file."""
