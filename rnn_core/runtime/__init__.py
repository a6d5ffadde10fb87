"""What training needs from its surroundings: versions, operators, devices, processes, files."""
