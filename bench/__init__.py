"""How fast the platform is, as ratios to limits measured in the same run (see docs/performance.md)."""
