"""Phantoms on disk, written once a session."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sbrtcheck.phantom import write_phantom


@pytest.fixture(scope="session")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from the name of a phantom to its folder."""
    root = tmp_path_factory.mktemp("phantoms")

    def folder(case: str) -> Path:
        if not (root / case).exists():
            write_phantom(case, root / case)
        return root / case

    return folder
