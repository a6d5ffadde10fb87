"""What the command line does, shows and draws."""
