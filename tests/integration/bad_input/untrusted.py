"""Messages that nobody trusted said: dead letters, whatever the login is doing."""

from tests.integration.bad_input import envelope, form, signatures, trees

ROWS = (*form.ROWS, *envelope.ROWS, *signatures.ROWS, *trees.ROWS)
