"""The training engine: the objective protocol, the training loop, named axes, memory, ensembles.

It depends on the protocol alone; the losses themselves are in `objectives`.
"""
