"""Writes the table to the documentation: `python -m tests.integration.bad_input`."""

from tests.integration.bad_input.page import PAGE, page

PAGE.write_text(page())
