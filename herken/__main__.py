"""`python -m herken` is `herken`."""

from herken.cli import main

main()
