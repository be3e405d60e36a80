"""How a figure is made: its settings, trainings, claims, files, and the command line.

It knows the engine, and no objective and no experiment.
"""
