"""The experiments: FAMILY/STEM.py makes the figure of that name."""
