"""Every fault that happens in production, done to a real network with load on it.

    run ──▶ ground: the network      crew: two workers a role, and who starts them again
            load, kinds: people who log in all the time; administration: managers who command
            a fault (kills, membership, messages, servers, storm) does what it does
            verdicts: each login has one outcome, the expected one, in time
            checking: `herken check` judges it all once more ──▶ table

`points` has the labelled points at which a worker kills itself, `worker` puts them in through
`herken.wiring.Parts`. Each fault says what it may turn logins into, and nothing else will do.
"""
