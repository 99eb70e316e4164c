"""Everything that touches the world: codec, logs, stores, runner. Knows no business rule."""
