"""Ghost text in Neovim beside llama.vim and llama-server: ``python -m benchmarks.llama_vim``."""
