"""What is on the wire: one Avro schema a family. Data only; see README.md for the evolution rules."""
