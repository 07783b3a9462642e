"""The benchmark measures what it reports; the speed of the machine is not tested."""

import json

import bitsandbytes
import pytest
import torch

from infill_completion.catalog import Quantization
from infill_completion.engine.bench import command, workload
from infill_completion.engine.bench.random_weights import SHAPES, padded_tokenizer, random_model
from infill_completion.engine.bench.report import DecodeReport, ModelReport, table
from infill_completion.engine.bench.rewrite import rewrite_cost
from infill_completion.engine.bench.speculation import speculation
from infill_completion.engine.bench.subject import Subject, copied, drawn
from infill_completion.engine.checkpoints import checkpoint, quantize
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.model.cuda.kernels.nf4 import matrix_of
from infill_completion.engine.model.cuda.kernels.packing import pack
from infill_completion.prompt.formats import PromptLayout
from infill_completion.settings import EngineSettings

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tiny():
    return drawn("tiny", EngineSettings(device="cpu", context_tokens=1024))


def test_a_copy_for_comparison_is_left_alone_when_the_weights_are_packed():
    model = random_model(SHAPES["tiny"], CPU, torch.bfloat16, "nf4")
    made = copied(model)
    modules = [module for module in made.modules() if type(module).__name__ == "Linear4bit"]
    originals = [module for module in model.modules() if type(module).__name__ == "Linear4bit"]

    def whole(module):
        return bitsandbytes.functional.dequantize_4bit(module.weight.data, module.weight.quant_state)

    for module, original in zip(modules, originals, strict=True):
        expected = whole(original)
        assert module.weight.module is module  # not the original, which would be kept in memory
        matrix = matrix_of(original)
        assert matrix is not None
        pack(matrix)
        assert torch.equal(whole(module), expected)
        assert not torch.equal(whole(original), expected)


def test_the_dry_run_measures_everything_on_random_weights(tmp_path, capsys):
    json_file, chart = tmp_path / "out.json", tmp_path / "out.png"
    arguments = ["--shape", "tiny", "--device", "cpu", "--context", "0,200", "--tokens", "4", "--repeats", "1"]
    assert command.main([*arguments, "--json", str(json_file), "--chart", str(chart)]) == 0
    written = json.loads(json_file.read_text())
    assert written["copy_bandwidth_bytes_s"] > 0
    (model,) = written["models"]
    assert model["failures"] == []
    assert [row["candidates"] for row in model["decode"]] == [1, 1, 4]
    for row in model["decode"]:
        assert min(row["loop"], row["shipped"], row["reference"], row["roofline"]) > 0
    (keystroke,) = model["keystroke"]
    assert keystroke["prompt_tokens"] > 64
    assert 1 <= keystroke["computed_tokens"] < 16
    assert model["cancel"]["decode_ms"] > 0
    assert model["resident_bytes"] > 0
    assert "| 1 |" in capsys.readouterr().out
    try:
        import matplotlib as _matplotlib  # noqa: F401
    except ImportError:
        return
    assert chart.read_bytes().startswith(b"\x89PNG")


def test_the_table_says_whether_steps_ran_as_graphs():
    row = ModelReport("7b", "random weights", 1, "nf4", "bfloat16", None, 1.0, graphs=20, capture_s=2.5)
    report = DecodeReport("a device", 1e12, {}, models=[row])
    assert "20 CUDA graphs captured in 2.5 s" in table(report)
    row.capture_error = "RuntimeError: operation not permitted"
    assert "operator by operator: RuntimeError: operation not permitted" in table(report)
    assert "captured" not in table(report)


def test_a_run_out_of_time_says_what_it_left_out(capsys):
    assert command.main(["--shape", "tiny", "--device", "cpu", "--budget", "0"]) == 1
    assert "failed: tiny: out of time" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--shape", "9b"], "no shape `9b`"),
        (["--context", "long"], "--context"),
        (["--device", "cuda:99"], "no device"),
        (["--model", "no/such"], "not on this machine"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(arguments, says, capsys):
    assert command.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_random_weights_have_the_shape_and_the_seed_they_were_asked_for():
    shape = SHAPES["tiny"]
    one, again, other = (random_model(shape, CPU, torch.float32, "none", seed) for seed in (0, 0, 1))
    assert sum(parameter.numel() for parameter in one.parameters()) == shape.parameters
    weight = "model.layers.1.mlp.down_proj.weight"
    assert torch.equal(one.get_parameter(weight), again.get_parameter(weight))
    assert not torch.equal(one.get_parameter(weight), other.get_parameter(weight))


def test_four_bit_weights_take_the_bytes_of_the_formula():
    shape = SHAPES["tiny"]
    state = random_model(shape, CPU, torch.bfloat16, "nf4").state_dict()
    linear = {name: values for name, values in state.items() if "_proj" in name}
    held = sum(
        values.numel() * values.element_size()
        for name, values in linear.items()
        if not name.endswith(("quant_map", "bitsandbytes__nf4"))
    )
    assert held == pytest.approx(shape.linear_bytes(Quantization.NF4), rel=0.001)


def test_random_weights_in_four_bits_can_be_saved_and_loaded(tmp_path):
    model = random_model(SHAPES["tiny"], CPU, torch.bfloat16, "nf4")
    before = {name: values.clone() for name, values in model.state_dict().items()}
    quantize.save(model, EMBEDDED, tmp_path)
    assert model.is_quantized  # transformers' own name: it refuses to move or cast such a model
    loaded = checkpoint.load(EngineSettings(model=str(tmp_path), device="cpu"), lambda *_ignored: None)
    after = loaded.model.state_dict()
    assert after.keys() == before.keys()
    for name, values in before.items():
        assert torch.equal(values.view(torch.uint8), after[name].view(torch.uint8)), name


def test_every_id_of_a_random_model_has_a_text():
    tokenizer = padded_tokenizer(SHAPES["7b"].vocab)
    assert tokenizer.decode([32_015]) == "<unused_32015>"
    assert tokenizer.encode("<unused_32015>") != (32_015,)


@pytest.mark.parametrize("layout", PromptLayout)
def test_prompts_have_the_length_that_was_asked_for(tiny, layout):
    longest_line = 64
    generator = tiny.generator.with_settings(layout=layout)
    for wanted in (64, 256, 700):
        request = workload.request_of(generator, wanted, 1)
        assert wanted - longest_line <= len(generator.model.prompt(request).ids) <= wanted


def test_an_endless_twin_decodes_exactly_as_long_as_it_is_told(tiny):
    generator = workload.endless(tiny.generator, shipped=False)
    last = workload.run(generator, workload.request_of(generator, 64, 20, candidates=2))
    assert last.usage is not None
    assert last.usage.completion_tokens >= 40


def test_rewrites_are_measured_to_the_end_and_take_fewer_steps_with_drafts(tiny):
    cost = rewrite_cost(tiny, 1, 2)
    assert cost.places == 2
    assert 0 < cost.changed_lines < cost.lines
    assert cost.tokens > cost.lines
    assert cost.unchanged_steps <= cost.steps < cost.tokens / 2
    assert min(cost.prompt_ms, cost.single_ms, cost.drafted_ms) > 0


def test_speculation_is_measured_in_the_middle_of_real_lines(exact):
    """In float32 drafts change only the time."""
    subject = Subject("exact", exact, exact.model.transformers_model, SHAPES["tiny"], Quantization.BF16, 0.0)
    measured = speculation(subject, 300, 1)
    assert measured.places == measured.same == 12
    assert measured.tokens > 12
    assert min(measured.single, measured.drafted) > 0
