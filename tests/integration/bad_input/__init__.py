"""The table of bad input: every bad message, what becomes of it, and what stops it.

table                 all of it, in this order:
form, envelope, signatures (untrusted)    nobody trusted said it: a dead letter
requests, queries     a dienstverlener or a makelaar asks for what cannot be
answers, credentials  a user answers what was not asked, or what is not his
results, decisions    a provider or a registry declares what does not hold
outcomes              a makelaar asserts what nobody declared
files                 values and files that are read once

rows                  what a row is
checks, stops, lenient    the checks, and what stands in their place when they are off
network, playing, on_kafka  on what, and how a row is played
page                  the table as documentation

`python -m tests.integration.bad_input` writes docs/reference/bad-input.md.
"""
