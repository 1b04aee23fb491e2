"""Fixtures for every test of the repository, wherever it lives."""

pytest_plugins = ["tests.servers"]
