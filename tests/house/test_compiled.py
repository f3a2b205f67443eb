"""Compiled loops run, and are kept where that is possible, on installations that cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from sbrtcheck.compiled import compiled


@compiled
def twice(value: float) -> float:
    return 2.0 * value


print(twice(21.0))
"""


def run_from(folder: Path, cache: Path) -> str:
    """Run a module of one compiled function whose own folder takes no files; return what it prints."""
    folder.mkdir()
    (folder / "loops.py").write_text(MODULE, encoding="utf-8")
    (folder / "__pycache__").touch()  # a file where the folder should be: not even root can write into it
    # Where Linux and macOS look for the user's cache folder.
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "HOME": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)
    call = [sys.executable, "-W", "error", "-c", "import loops"]
    return subprocess.run(call, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the user's cache folder is not set by the environment")


def test_a_read_only_installation_keeps_the_code_in_the_users_cache(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert run_from(tmp_path / "installed", cache) == "42.0\n"
    assert list(cache.rglob("loops.twice*.nbi"))


def test_without_any_folder_to_write_the_loops_run_all_the_same(tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.touch()
    assert run_from(tmp_path / "installed", nowhere / "below") == "42.0\n"
    assert [path.name for path in tmp_path.rglob("*.nb*")] == []
