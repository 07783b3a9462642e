"""The settings of the engine, the first section of the tree in ``settings.py``."""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.settings_schema import setting

# The longest time to be idle, a year.
MAX_S = 365 * 24 * 3600


@dataclass(frozen=True)
class EngineSettings:
    """The choice of the engine, and how it runs its model."""

    url: str | None = setting(
        None,
        "HTTP(S) URL of a remote engine such as vLLM. Unset: the local engine, shared by all windows.",
        trusted=True,
        is_shown=False,
    )
    api: str = setting(
        "openai",
        "How to talk to `engine.url`: `openai` (`/v1/completions`), `llama.cpp` (`/infill`) or `ollama`.",
        choices=("openai", "llama.cpp", "ollama"),
        trusted=True,
    )
    api_key_env: str | None = setting(
        None, "Name of the environment variable that holds the API key of `engine.url`.", trusted=True
    )
    proxy: str | None = setting(
        None,
        "Proxy on the way to `engine.url`, such as `http://HOST:PORT`; `none` for none. Unset: `HTTPS_PROXY`, "
        "`HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply, but never to this machine.",
        trusted=True,
        is_shown=False,
    )
    ca_file: str | None = setting(
        None,
        "PEM file of certificate authorities that are trusted for `engine.url` in addition to the system's.",
        trusted=True,
    )
    model: str = setting(
        "auto",
        "Hub id or path of a model, which may be a GGUF file. `auto` takes, of the models on this machine that fit "
        "its memory and keep `completion.deadline_ms` at the speed measured here, the one with the best published "
        "quality, on a GPU or a CPU; or else the embedded one. Nothing is downloaded automatically.",
        trusted=True,
    )
    format: str = setting(
        "auto",
        "Family of the model behind `engine.url`, which decides how the text after the cursor is written into its "
        "prompt: needed if the server hides it behind a name of its own. `suffix`: the server infills by OpenAI's "
        "`suffix`; `none`: left to right.",
        choices=(
            "auto", "codellama", "infill", "qwen3-coder", "qwen2.5-coder", "codegemma", "granite-3", "granite",
            "deepseek-coder", "codestral", "seed-coder", "mellum", "santacoder", "starcoder2", "starcoder", "suffix",
            "none",
        ),
        trusted=True,
    )  # fmt: skip
    quantization: str = setting(
        "auto",
        "`nf4`, `int8`, `int4` or `none`. `auto` is `nf4` on CUDA. On a CPU it is `int4` for models that have 4 bits "
        "already or are large, where a C compiler is found, and else `int8` if that is faster than `none`.",
        choices=("auto", "nf4", "int8", "int4", "none"),
    )
    device: str = setting(
        "auto", "`auto`, `cuda`, `cuda:1`, `mps`, `xpu` or `cpu`; `auto` picks the best available one."
    )
    kv_bits: int = setting(
        16, "Bits of keys and values where the engine's own CUDA kernels run a 4-bit model: `8` takes half of their "
        "memory and rounds them. Elsewhere it changes nothing.",
        choices=(16, 8), at_least=8, at_most=16,
    )  # fmt: skip
    context_tokens: int = setting(4096, "Prompt budget in tokens.", at_least=64, at_most=131_072)
    idle_unload_s: float = setting(
        900.0, "Seconds without a request after which the weights are unloaded from memory.", at_least=1, at_most=MAX_S
    )
    idle_exit_s: float = setting(
        1800.0, "Seconds without a request after which the engine exits.", at_least=1, at_most=MAX_S
    )
    learn: bool = setting(
        False,
        "While the machine is idle, the model learns the workspace's repository: its files, without private ones and "
        "those with secrets, and its commits. What it learned stays on this machine, and is used if it is better on "
        "the newest commits; `infill-ls learn list` and `forget` manage it.",
        trusted=True, in_doubt=False,
    )  # fmt: skip
    learn_minutes: int = setting(
        10, "Longest time for learning at once, in minutes in which it has its cores.", at_least=1, at_most=240
    )
    learn_memory_mb: int = setting(
        2500, "Most memory for learning, in MiB; where it needs more, it ends early.", at_least=100, at_most=1 << 20
    )
    adapter: str | None = setting(
        None, "File with what a model has learned. Unset: with `engine.learn`, that of the workspace's repository.",
        trusted=True,
    )  # fmt: skip
