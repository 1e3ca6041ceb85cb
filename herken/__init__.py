"""The command line, and the composition root that wires a role to its servers."""
