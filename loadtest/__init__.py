"""Load through the topics: an open-loop generator, simulated users, verified outcomes, a report.

Pure, and drawn before the run:
arrivals, mix   when logins begin; of which kinds
pool, people    which logins of a scenario can be repeated; more people like those in it
schedule        what is asked of a run, and from it every arrival

While it runs:
ground          on what: a network that runs, or one of its own
connecting      who takes part from outside: asking (dienstverleners), crowd (users), wire (Kafka)
running         one run, from its first arrival to what it came to
driving         puts the load on: arrivals, answers, outcomes to verify
watching        looks at everything around it: lag, processes, brokers

Pure again:
book, hops      every login, and what came of it; how long its messages took
judging         what is wrong, and whether the run says anything
latencies       by the second, and as a whole
results, telling    the run as it is kept; as it is told
recording       writes it
record          what a run leaves behind, and how it is read again

Once it is there:
histograms      its log of latencies, read again
report          the run as one HTML page, which reporting/ draws
compare         two runs, and which differences are more than chance: bootstrap says how sure
limits          the highest rate that keeps to a goal, given as quantities
"""
