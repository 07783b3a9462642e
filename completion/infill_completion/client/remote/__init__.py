"""An engine behind ``engine.url``: vLLM, llama.cpp, Ollama, or any OpenAI-compatible server."""
