"""The machinery of a stage: Kafka, Postgres, keys, dead letters. It knows no eHerkenning.

stage         what a stage is: a pure function over a role's row, and what it returns
fold          a batch through the pure function, message by message
runner        a batch in, each message by itself, one transaction, a batch out
delivery      the order of it all: store, publish, commit; the same for what is due
ledger        what the runner needs of what a role keeps: rows, claims, what inputs led to
store         the ledger in Postgres
pruning       when a role forgets what cannot come again
service       the FastStream side: subscribe, publish, commit offsets last, drain
membership    of consumer groups: how soon who died is missed, and how he comes back
polling       how a stage waits for records
beside        work that goes on for as long as a block runs
dead_letters  what could not be read: reason, origin and the untouched bytes
keys          a participant's private keys, and the directory that he trusts
errors        by consequence: retry, dead-letter, crash (a refusal is a message)
"""
