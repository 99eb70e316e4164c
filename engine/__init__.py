"""Retold's engine: a log, deterministic processors that fold it into state, and the shell around them."""
