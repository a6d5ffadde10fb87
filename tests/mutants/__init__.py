"""Small changes of the source, by mutmut, and the page that tells which of them tests notice."""
