"""Load through the topics: an open-loop generator, simulated users, verified outcomes, a report.

record   what a run leaves behind, and how it is read again
"""
