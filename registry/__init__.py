"""The machtigingenregister: says for which organisation, service and level somebody may act.

    mandate_queries -> (representation_choices) -> mandate-decisions of the makelaar
    confirmation_queries -> confirmations of the makelaar (the second registry of a chain)

kept            what the registry keeps, and `tables`: where
candidates      what people may act by, read for a whole batch
judging         what a rule is; rules, mandate_rules, chain_rules: all of them, without any I/O
selection       by which candidate somebody may act, or why by none
legal_subjects  for whom is acted, as a service wants to know it
query           the row: one login, and what was found
decisions       what the makelaar is told, and the user asked; `confirmations`: as second registry
billing         what costs money
role            all stages, on one screen
"""
