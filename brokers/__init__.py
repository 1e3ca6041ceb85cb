"""The makelaar: takes a request, lets the user choose a means, asks provider and registry, and
answers exactly once. It never authenticates anybody itself.

    authn_requests -> (means_choices) -> authentication_results -> mandate_decisions
                                                     cancellations, deadlines: at any time

login     the ledger's row: what was accepted, asked and answered so far
rules     what is allowed, without any I/O
outcomes  the one answer: an assertion or a refusal
role      all stages, on one screen
"""
