"""How the embedded model was made: corpus, tokenizer, training, evaluation, export.

Every step is a module that runs with ``python -m training.<step>``; ``training/README.md`` gives the order.
"""
