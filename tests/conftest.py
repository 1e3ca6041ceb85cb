"""What all tests share. The servers and the network come from the package's own plugin."""
