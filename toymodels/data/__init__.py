"""What models are shown: distributions of features, finite datasets, images, and their files.

A distribution or a dataset knows no model and no loss. Beside `suite.store` this is the only
room that touches the disk, or the network.
"""
