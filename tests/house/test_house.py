"""Promises that the repository makes about itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_ci_runs_the_command_that_the_readme_gives() -> None:
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 2
    assert any(command in (ROOT / ".ci/run").read_text(encoding="utf-8") for command in commands)


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_help_loads_no_heavy_module() -> None:
    # The start is felt at every call; arrays, DICOM and plots are loaded by the command that needs them.
    script = "import sys; from sbrtcheck.cli.app import app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "scipy", "shapely", "pydicom", "matplotlib", "jinja2"} & set(loaded)
