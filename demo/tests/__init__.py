"""Tests of the demo's data; they need the demo's requirements, not a running platform."""
