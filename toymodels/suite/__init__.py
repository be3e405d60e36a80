"""How a figure is made: its settings, trainings, claims, files, and the command line.

It imports the engine, but no objective and no experiment.
"""
