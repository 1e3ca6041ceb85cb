"""The authentication provider: proves who the user is, with a means of a known level.

    authentication_requests -> (password_answers -> code_answers | signature_answers)
                            -> authentication-results of the makelaar

authentication  the row: one authentication, what is awaited and how often it was tried
rules           what is allowed, without any I/O
credentials     a file a kind: how a password, a code, a signature is checked
means           the means that this provider issued
answers         what the three kinds of answers have in common
results         what the makelaar is told
role            all stages, on one screen
"""
