"""Numerical basics: checks of values, uniform random numbers, sums over blocks, names of axes.

Nothing here is specific to toy models; it imports no other subpackage.
"""
