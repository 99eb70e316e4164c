"""Every number the README claims, one module each. `make bench` runs all and prints their tables."""
