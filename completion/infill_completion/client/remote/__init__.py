"""The client of ``engine.url``: vLLM, llama.cpp, Ollama, or any OpenAI-compatible server. Entry: `engine`."""
