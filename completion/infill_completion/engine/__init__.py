"""The engine: the only package that imports torch, transformers and bitsandbytes.

It is started by command line and used over HTTP; the language server never imports it.
"""
