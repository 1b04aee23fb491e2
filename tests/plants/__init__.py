"""Bugs planted on purpose, one at a time, to show that the tests would notice them.

A plant is a small edit of the real code, made in memory by whoever runs tests: production code knows nothing
of plants, carries no switch for them, and its wheel and images do not hold this package. See
`docs/testing.md`.
"""
