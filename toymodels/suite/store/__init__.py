"""A figure's identity and files: its checkpoints, data, picture and record.

Besides `data` this is the only room that writes files; nothing here trains, draws or judges.
"""
