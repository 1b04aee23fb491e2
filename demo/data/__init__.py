"""A real grocer's catalogue and baskets as plain Python objects.

What is real and what is ours is said in this package's README; nothing here knows a service or a protobuf.
"""
