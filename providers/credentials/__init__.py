"""How each kind of credential is checked: a password, a one-time code, a signature."""
