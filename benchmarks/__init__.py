"""Speed, CPU a login and memory, measured on a real network beside a baseline in the same run."""
