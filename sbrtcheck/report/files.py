"""Writing reports to a folder: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sbrtcheck.errors import OutputError
from sbrtcheck.report import render
from sbrtcheck.results import PlanReport

# The JSON document is the truth, so it is written last: where it stands, everything else stands too.
_WRITTEN = (("html", "report.html"), ("json", "report.json"))


def write_reports(report: PlanReport, folder: Path) -> tuple[Path, ...]:
    """Write ``report.html`` and ``report.json`` into ``folder``, which is made if need be.

    Raises
    ------
    OutputError
        If the folder cannot be made or written to; files that stood there before stay as they were.
    """
    rendered = [(folder / name, render(report, format_id)) for format_id, name in _WRITTEN]
    for path, content in rendered:
        write_whole(path, content)
    return tuple(path for path, _ in rendered)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or what stood there before.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".sbrtcheck-", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is private to its owner; a report is readable as any other new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path.name} could not be written ({error.strerror or type(error).__name__})",
            remedy="Name a folder that can be written to, with space left",
        ) from error
