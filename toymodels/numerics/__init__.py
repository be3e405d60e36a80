"""Ground floor: checks of values, uniform random numbers, sums over blocks, names of axes.

Here belongs what knows nothing of toy models; it imports no other room.
"""
