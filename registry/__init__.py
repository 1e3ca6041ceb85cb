"""The machtigingenregister: says for which organisation, service and level somebody may act.

    mandate_queries -> (representation_choices) -> mandate-decisions of the makelaar

query      the row: one query, what was offered to the user
rules      which mandates suffice, without any I/O
mandates   the mandates that this registry holds
decisions  what the makelaar is told
role       all stages, on one screen
"""
