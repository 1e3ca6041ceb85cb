"""The rules of the scheme against the tests that hold them: each rule with the mutation of the
code that turns its test red.

rules/     the table, a file a subject
table      reads it, and says what does not fit
running    applies a mutation to a copy of the project, and runs its test there
page       the table as a page of the documentation
"""
