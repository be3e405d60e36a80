"""The models, one nnx module a file: each reads like its equation in the paper.

A model has weights and a forward pass; what it is trained for belongs to `objectives`.
"""
