"""A figure's files: what a result is the result of, its checkpoints, data, picture and record.

Beside `data` this is the only room that touches the disk.
"""
