"""The training engine: an objective's protocol, the loop, named axes, memory, the ensemble.

It knows a problem by its protocol alone: what a loss is made of belongs to `objectives`.
"""
