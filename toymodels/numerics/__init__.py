"""Ground floor: checks of values, uniform random numbers, sums over blocks that stay in cache.

Here belongs what knows nothing of toy models; it imports no other room.
"""
