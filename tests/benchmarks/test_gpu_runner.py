"""The runner of ``benchmarks/gpu.sh`` with small steps, and the figures that the engine's benchmark appends."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu.plan import COLD_IMPORT_S, plan
from benchmarks.gpu.runner import run_steps
from benchmarks.gpu.step import Step
from benchmarks.gpu.summary import table
from infill_completion.engine.bench import command

ROOT = Path(__file__).parents[2]
# Appends a figure and then sleeps, in a child of the step.
SLEEPER = (
    'import subprocess, sys; open(sys.argv[1], \'a\').write(\'{"measurement": "early", "us": 1.5}\\n\');'
    "subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
)


def step(name, code, *arguments, limit_s=30.0):
    return Step(name, [sys.executable, "-c", code, *arguments], limit_s)


def lines_of(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_a_failed_and_a_killed_step_do_not_stop_the_next_one(tmp_path, capsys):
    results = run_steps(
        [
            step("A fails", "print('why'); raise SystemExit(3)"),
            step("B hangs", SLEEPER, str(tmp_path / "results.jsonl"), limit_s=1.0),
            step("C dies", "import os; os.abort()"),
            step("D works", "print('\\n'.join(map(str, range(100))))"),
        ],
        tmp_path,
        60.0,
    )
    assert [result.is_ok for result in results] == [False, False, False, True]
    failed, early, hung, died, worked = lines_of(tmp_path)
    assert (failed["step"], failed["rc"], failed["last_lines"]) == ("A fails", 3, ["why"])
    assert early == {"measurement": "early", "us": 1.5}
    assert (hung["timed_out"], hung["rc"]) == (True, -signal.SIGKILL)
    assert hung["seconds"] < 10
    assert died["rc"] == -signal.SIGABRT
    assert worked["last_lines"][-1] == "99"
    assert worked["command"][0] == sys.executable
    assert "TIMED OUT" in capsys.readouterr().out
    shown = table(tmp_path / "results.jsonl").splitlines()
    assert "| early | us 1.5 |" in shown
    assert any("**B hangs** | timed out" in line for line in shown)


def test_the_total_limit_shortens_a_step_and_leaves_out_the_rest(tmp_path):
    results = run_steps(
        [step("A hangs", "import time; time.sleep(60)"), step("B late", "print('never')")], tmp_path, 1.0, 0.5
    )
    assert [(result.rc, result.timed_out) for result in results] == [(-signal.SIGKILL, True), (None, False)]
    assert [line["step"] for line in lines_of(tmp_path)] == ["A hangs", "B late"]


def test_a_run_that_is_told_to_end_kills_its_step_and_keeps_its_figures(tmp_path):
    code = (
        "import signal, sys; from pathlib import Path; from benchmarks.gpu.runner import run_steps;"
        "from benchmarks.gpu.step import Step; signal.signal(signal.SIGTERM, lambda *_: sys.exit(1));"
        "out = Path(sys.argv[1]);"
        "mark = 'import os, sys, time; open(sys.argv[1], \"w\").write(str(os.getpid())); time.sleep(60)';"
        "run_steps([Step('A done', [sys.executable, '-c', ''], 30.0),"
        " Step('B hangs', [sys.executable, '-c', mark, str(out / 'started')], 30.0)], out, 60.0)"
    )
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "completion")))
    os.mkfifo(tmp_path / "started")
    started = os.open(tmp_path / "started", os.O_RDONLY | os.O_NONBLOCK)
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env={**os.environ, "PYTHONPATH": paths})
    assert select.select([started], [], [], 30)[0], "step B did not start within 30 s"
    pid = int(os.read(started, 32))
    os.close(started)
    run.terminate()
    assert run.wait(30) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert [line["step"] for line in lines_of(tmp_path)] == ["A done"]


def test_the_steps_are_in_order_and_each_has_a_limit():
    steps = plan("cuda", ["7b", "13b", "34b"], Path("out.jsonl"))
    assert "".join(step.name[0] for step in steps) == "ABCDEFGHI"
    assert sum(step.limit_s for step in steps[:-1]) < 590
    assert [step.name[0] for step in plan("cpu", ["tiny"], Path("out.jsonl"))] == list("ABCDEI")


def test_whichever_step_is_first_has_time_for_a_cold_import():
    shapes, jsonl = ["7b", "13b", "34b"], Path("out.jsonl")
    limits = {step.name[0]: step.limit_s for step in plan("cuda", shapes, jsonl)}
    some = plan("cuda", shapes, jsonl, "bdefgh")
    assert "".join(step.name[0] for step in some) == "BDEFGH"
    assert [step.limit_s for step in some] == [limits["B"] + COLD_IMPORT_S, *(limits[letter] for letter in "DEFGH")]
    assert limits["A"] > COLD_IMPORT_S


def test_the_benchmark_measures_only_what_is_asked_and_appends_each_figure(tmp_path, capsys):
    path = tmp_path / "figures.jsonl"
    arguments = ["--shape", "tiny", "--device", "cpu", "--quantization", "none", "--context", "200,0"]
    more = ["--tokens", "4", "--repeats", "1", "--reference-tokens", "3"]
    assert command.main([*arguments, *more, "--only", "decode,rows,prefill,kernels", "--jsonl", str(path)]) == 0
    assert command.main([*arguments, *more, "--only", "cancel,reload", "--jsonl", str(path)]) == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    names = list(dict.fromkeys(line["measurement"] for line in lines))
    assert names == [
        "machine", "load", "decode", "rows", "prefill", "kernels", "memory and graphs", "cancel", "reload",
    ]  # fmt: skip
    decoded = [line for line in lines if line["measurement"] == "decode"]
    assert len(decoded) == 2
    assert decoded[0]["context_tokens"] > decoded[1]["context_tokens"]
    assert min(decoded[0]["loop"], decoded[0]["reference"]) > 0
    assert [line["rows"] for line in lines if line["measurement"] == "rows"] == [1, 2, 3, 4, 5, 6, 8]
    assert "needs a CUDA device" in lines[-1]["skipped"]
    assert "a step of 8 rows at" in capsys.readouterr().out


def test_an_unknown_measurement_is_one_sentence(capsys):
    assert command.main(["--shape", "tiny", "--device", "cpu", "--only", "luck"]) == 2
    assert "no measurement `luck`" in capsys.readouterr().err
