"""No decision grants by what was withdrawn before it.

One registry on real Kafka and Postgres, with several worker processes. The race plays everybody
else with the founded keys: for each of many mandates, links and assignments it throws queries at
the registry around the moment at which it has it withdrawn, and one more after that is answered.
Then it judges by the times at which Postgres committed: a permit that was committed after the
withdrawal of what it rests on, or at the same microsecond, is a violation.

ground    the network: files, topics, tables, what can be withdrawn, the workers
parts     what makelaar, provider, the other registry and the portal sign
playing   throws the queries, commands the withdrawals, reads the answers
judging   what was decided before what
racing    all of it, one race
unguarded a worker that does not look whether what it relies on still holds: it must be caught
"""
