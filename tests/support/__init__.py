"""What the tests of the pure core share: models, and a harness that runs partitions without time and without I/O."""
