"""Tests of the tests: planted bugs, each with a check that must notice it."""
