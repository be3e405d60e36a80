"""Training data: distributions of features, finite datasets, images, and their files.

It does not depend on models or losses. Beside `suite.store` this is the only subpackage that uses
the disk or the network.
"""
