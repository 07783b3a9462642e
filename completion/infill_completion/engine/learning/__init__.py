"""Training on this machine: adapters of a model's groups of weights, and the model that learns them.

Entry: `student`.
"""
