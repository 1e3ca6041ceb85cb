"""What all tests share: the servers and the network, from the package's own plugin."""

pytest_plugins = ["sandbox.pytest_plugin"]
