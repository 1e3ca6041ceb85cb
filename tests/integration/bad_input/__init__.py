"""The table of bad input: every bad message, what becomes of it, and what stops it.

table                 all of it, in this order:
form, envelope, signatures, trees (untrusted)    nobody trusted said it: a dead letter
requests, queries     a dienstverlener or a makelaar asks for what cannot be
answers, credentials  a user answers what was not asked, or what is not his
results, decisions    a provider or a registry declares what does not hold
outcomes              a makelaar asserts what nobody declared
wishes                a dienstverlener or a user asks for means that cannot be
sessions, session_commands, consents    a user is not who is known, or was not asked
confirmation_queries, confirmations, chain_outcomes    the same for a chain
commands, command_contents    a registry's portal commands what cannot be
chain_information     registries ask and tell each other what they should not
files, catalogue_files    values and files that are read once

rows                  what a row is
checks, stops, lenient    the checks, and what stands in their place when they are off
network, kinds, playing, on_kafka  on what, in which logins, and how a row is played
page                  the table as documentation

`python -m tests.integration.bad_input` writes docs/reference/bad-input.md.
"""
