"""A figure's identity and files: its checkpoints, data, picture and record."""
