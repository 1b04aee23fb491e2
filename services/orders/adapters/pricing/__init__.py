"""Prices of stock: worked out by a process of its own, read by every instance."""
