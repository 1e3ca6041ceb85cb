"""Bugs that are put into a copy of the project, to see that what looks for bugs finds them.

    bugs/      each bug: a small patch, the invariants that it breaks, and who has to find it
    table      reads that, and says where a patch does not fit
    finders    what looks for bugs: the simulation, the fault tests, the race of withdrawals
    running    a bug in a copy, and its finder run there

`python -m tests.seeded_bugs` runs it all: `make seeded-bugs`.
"""
