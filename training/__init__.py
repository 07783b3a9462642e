"""The making of the embedded model: corpus, tokenizer, training, evaluation, export.

Each step is a module that runs with ``python -m training.<step>``; ``training/README.md`` lists them in order.
"""
