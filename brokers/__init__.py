"""The makelaar: takes a request, lets the user choose a means, asks provider and registry, and
answers exactly once. It never authenticates anybody itself.

    authn_requests -> (means_choices) -> authentication_results -> mandate_decisions
                                                                -> (confirmations: a chain)
                                                     cancellations, deadlines: at any time

login       the ledger's row: what was accepted, asked and answered so far
rules       what all rules build on, without any I/O
judging     a table of rules, and what it finds
admission   rules: whether a request can start a login, and with which providers
evidence    rules: whether what providers and registries declare holds
remembered  which provider was chosen before in a browser
outcomes    the one answer: an assertion or a refusal
role        all stages, on one screen
"""
