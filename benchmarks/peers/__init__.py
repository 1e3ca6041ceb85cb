"""Others that log people in, measured on the same machine, each in an environment of its own."""
