"""Histories of a whole network: real handlers, fold, runner and delivery, all else in memory, and
every step of it chosen by a seed.

    python -m tests.simulation --histories 100000 --seed 1     many, each judged
    python -m tests.simulation --replay 1:4711                 one, told as a story

A history is a few logins of different kinds at once, what is done beside them (a cancellation, a
withdrawal, the same request again, a clock that jumps to the deadline) and a few faults (a process
that dies, hangs, loses its partitions or its database's answer). It runs until nothing is left to
do; then it is judged.

points       where a worker can be interrupted
memory       the ledger: what the SQL of `pipeline.store` promises; `locks` is a part of it
tables       means, mandates and chains, read and withdrawn as the SQL does
kafka        topics, partitions, consumer groups, offsets
substitutes  what is put in the place of cryptography and SQL, and nothing else
cast         who takes part: participants, people, what they hold
plan         what a history is made of, drawn from its seed
actors       dienstverleners, users, administrators, clocks: what they do
network      processes with the real runner, and what interrupts them
deeds        when something is done beside the messages, and how
harming      what happens to processes; `lying`: what a dishonest participant signs
running      one history, step by step
judging      one that has ended, as its judges see it
invariants   what has to hold at its end; `grants`: of assertions
shrinking    the smallest history that still fails
campaign     many histories, on several processes

What it does not test: cryptography (a keyed MAC stands for each signature, an envelope with the
recipient's name for each seal: the order of things is its subject), SQL (the in-memory ledger is
held to the contract tests of the real one), passwords, codes, consent, sessions, remembered means,
and the administration of mandates by command (withdrawals are written as the command writes them).
"""
