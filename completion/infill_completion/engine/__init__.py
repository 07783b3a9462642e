"""The engine: the only part that imports torch, transformers and bitsandbytes.

It is reached by command line and HTTP; the language server never imports it.
"""
