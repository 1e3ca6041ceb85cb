"""Judges a network from its topics, and believes nobody: for a stranger who does not trust herken.

    topics -> reading -> decoding -> facts (a file) -> judging -> report

facts     what was read: a frozen dataclass a record; what is known beside: World; what is wrong:
          Violation
topics    every kind of topic, who writes and who reads it
ids       how IDs and digests are made
jose      signatures and seals; `trust` the scheme, the directory, the catalogue
decoding  a record to a fact, verified; `checks` one by one, `forms` against the JSON Schemas;
          `sealed` what can be opened
judging   the rules, without any I/O: `judge_login` for one login, the others for all of them
reading   Kafka; `keeping` the facts' file; `offering` the catalogue; `holdings` what was withdrawn
running   all of it together, `working` in processes of their own; `records` and `logs` of the
          participants; `report` what was found

It shares no code with the services. What it knows of them is in docs/: one-login, exactly-once,
chains, trust, and the reference of topics and messages.
"""
