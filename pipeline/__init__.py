"""The machinery of a stage: Kafka, Postgres, keys, dead letters. It knows no eHerkenning.

stage         what a stage is: a pure function over a role's row, and what it returns
fold          a batch through the pure function, message by message
runner        a batch in, each message by itself, one transaction, a batch out
sweep         deadlines, and what was decided but perhaps not published
store         the Postgres side: rows, claims, and the bytes that each input led to
service       the FastStream side: subscribe, publish, commit offsets last, drain
dead_letters  what could not be read: reason, origin and the untouched bytes
keys          a participant's private keys, and the directory that he trusts
errors        by consequence: retry, dead-letter, crash (a refusal is a message)
"""
