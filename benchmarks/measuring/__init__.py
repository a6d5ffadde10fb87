"""How time and memory are measured: threads, disturbance, interleaving, peaks and growth."""
