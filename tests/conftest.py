"""What all tests share: the servers and the network, from the package's own plugin."""

import os

pytest_plugins = ["sandbox.pytest_plugin"]

# A test's machine may be slow for seconds: that is no reason to refuse a login that it waits for.
# What a busy role refuses has tests of its own, which set this for themselves.
os.environ.setdefault("HERKEN_BUSY_AFTER_SECONDS", "600")
