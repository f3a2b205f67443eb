"""Phantoms written once, to be laid out as submissions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sbrtcheck.phantom import write_phantom

Lay = Callable[..., Path]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a phantom, written when it is first asked for."""
    written: dict[str, Path] = {}

    def phantom(case: str) -> Path:
        if case not in written:
            written[case] = tmp_path_factory.mktemp("phantom") / case
            write_phantom(case, written[case])
        return written[case]

    return phantom


@pytest.fixture
def lay(made: Callable[[str], Path]) -> Lay:
    """Lay the plan of a phantom (without most of its slices, for speed) into a folder."""

    def laid(case: str, folder: Path, *, part: str = "plan", prefix: str = "", slices: int = 3) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        source = made(case) / part
        cts = sorted(source.glob("CT*"))
        cts = [f for one in cts for f in ([one] if one.is_file() else sorted(one.iterdir()))][:slices]
        for file in [*(f for f in source.iterdir() if f.is_file() and not f.name.startswith("CT")), *cts]:
            target = folder / f"{prefix}{file.name}"
            try:
                os.link(file, target)
            except OSError:
                shutil.copy(file, target)
        return folder

    return laid
