"""How times and memory are measured: threads, disturbance, interleaving."""
