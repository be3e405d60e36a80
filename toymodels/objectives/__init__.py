"""Objectives: a distribution or dataset, a model and a loss, one objective per file.

Steps, axes and devices belong to the engine.
"""
