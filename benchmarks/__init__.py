"""What a login costs, measured on a real network beside the limit, the naive way and peers.

    python -m benchmarks    one table; docs/performance.md says how it is measured

arrivals   an open loop, and who is driven by it in a process of its own
lane       what is measured, and what a turn of it came to
work       the messages and the cryptography of a login, without its rules
relay      these through Kafka with aiokafka: the limit
naive      these with FastStream, as its tutorial has it
logins     herken's own lanes: signing keys, passwords, one beside the other; argon2id alone
peers      SATOSA and Keycloak, in environments of their own
highest    the highest rate that holds a goal
measure    all lanes, in turns
figures    medians, spread and ratios of turns; `table` is the report

Apart from these, each with a command of its own: catalogue, chain, checker, registry, rules.
"""
