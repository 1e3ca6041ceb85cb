"""The authentication provider: proves who the user is, with a means of a known level.

    authentication_requests -> (password_answers -> code_answers | signature_answers
                                | session_answers) [-> consent_choices]
                            -> authentication-results of the makelaar
    session_commands -> session-confirmations

authentication  the row: one authentication, what is awaited and how often it was tried
rules           what is allowed, without any I/O; session_rules: of single sign-on; sharing: of what
                is known of a person; judging: what a rule is
credentials     a file a kind: how a password, a code, a signature is checked
means           what was issued; beside it the tables of sessions, attributes and consents
revisions       where a login is ordered against who ends what it rests on
answers         what the answers of users have in common
proving         what follows once somebody proved who he is
results         what the makelaar is told
role            all stages, on one screen
"""
