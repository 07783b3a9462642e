"""The documentation agrees with the code."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from infill_completion.document.snapshot import SkipReason
from infill_server.commands.doctor import CHECKS
from scripts.settings_table import ROOT, stale

PAGES = sorted(
    page for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("editors/**/*.md")]
    if "node_modules" not in page.parts
)  # fmt: skip
TROUBLES = ROOT / "docs" / "troubleshooting.md"
# Users never see these: the answer to a newer request is on its way.
MAPPED = ("completion", "server", "editors", "training", "benchmarks", "scripts", "tests")
SILENT = {SkipReason.SUPERSEDED}


def test_the_settings_tables_are_made_from_the_settings():
    assert not stale(), "run `make fmt`"


@pytest.mark.parametrize("reason", [reason for reason in SkipReason if reason not in SILENT])
def test_every_sentence_about_a_missing_suggestion_is_explained(reason):
    assert f'| "{reason.value}" |' in TROUBLES.read_text(encoding="utf-8")


def test_every_check_of_the_doctor_is_explained():
    explained = re.findall(r"^\| `([\w ]+)` \|", TROUBLES.read_text(encoding="utf-8"), re.MULTILINE)
    assert explained == [check.__name__.strip("_").replace("_", " ") for check in CHECKS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leads_nowhere(page: Path):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    parts = [unquote(link).partition("#") for link in links if not re.match(r"\w+:", link)]
    targets = [(page.parent / target if target else page, anchor) for target, _, anchor in parts]
    assert [target for target, _ in targets if not target.exists()] == []
    assert [(target, anchor) for target, anchor in targets if anchor and anchor not in anchors_of(target)] == []


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub forms them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [ROOT / "ARCHITECTURE.md", *sorted(ROOT.glob("docs/decisions/*.md"))], ids=lambda page: page.name
)
def test_every_file_that_the_map_names_exists(page: Path):
    names = re.findall(r"`(?:\.\./)?([\w./-]+\.(?:py|c|h|sh|md))`", page.read_text(encoding="utf-8"))
    files = [f"/{path.relative_to(ROOT).as_posix()}" for top in MAPPED for path in (ROOT / top).rglob("*.*")]
    assert [name for name in names if not any(file.endswith(f"/{name}") for file in files)] == []


def test_the_map_names_every_package():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for root in (ROOT / "completion" / "infill_completion", ROOT / "server" / "infill_server"):
        packages = [path.parent.name for path in root.glob("*/__init__.py")]
        assert [name for name in packages if f"`{name}`" not in page] == []
