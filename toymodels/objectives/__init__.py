"""A distribution or dataset, a model and a loss, joined into what the engine trains.

A file an objective. How it is trained (steps, axes, devices) is the engine's business.
"""
