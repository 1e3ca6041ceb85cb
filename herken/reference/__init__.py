"""The reference pages of the documentation, generated from the code.

text      Markdown, docstrings and the project's sources
types     how a field's type is told
messages  messages, their parts and types
pages     all pages
"""
