"""What one worker does: check one plan and render its report. The same task gives the same bytes anywhere."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sbrtcheck.batch.rows import NO_REPORT, PlanRows, rows_of
from sbrtcheck.batch.submission import Submission
from sbrtcheck.dicom.patient import patient_key
from sbrtcheck.dicom.peek import INSIDE, unpack_inner
from sbrtcheck.errors import SbrtcheckError
from sbrtcheck.pipeline import check
from sbrtcheck.remembered import let_go
from sbrtcheck.report import render
from sbrtcheck.results import PlanReport

SUBMISSION_SCHEMA: Final = "sbrtcheck-submission/1"


@dataclass(frozen=True, slots=True)
class Setup:
    """What all plans of a batch are checked with. Files travel as content: a worker may not see this machine's disk.

    Attributes
    ----------
    protocols : tuple of (str, bytes or None)
        Library id, or file name and content.
    site : bytes or None
        Content of the site file.
    """

    protocols: tuple[tuple[str, bytes | None], ...] = ()
    site: bytes | None = None

    @property
    def key(self) -> str:
        """Hash of everything that decides a result besides the plan's own files."""
        from sbrtcheck.protocol.loading import load_protocol

        found = hashlib.sha256(version("sbrtcheck").encode())
        with self.on_disk() as (protocols, _):
            for protocol in sorted(load_protocol(p).sha256 for p in protocols):
                found.update(protocol.encode())
        found.update(hashlib.sha256(self.site or b"").digest())
        return found.hexdigest()

    @contextmanager
    def on_disk(self) -> Iterator[tuple[list[str | Path], Path | None]]:
        """Yield protocols and site file as ``check`` takes them."""
        with tempfile.TemporaryDirectory(prefix="sbrtcheck-") as folder:
            yield (
                [_laid(name, content, Path(folder)) for name, content in self.protocols],
                (None if self.site is None else _written(Path(folder, "site.toml"), self.site)),
            )


@dataclass(frozen=True, slots=True)
class Task:
    """One submission with its setup."""

    submission: Submission
    setup: Setup
    setup_key: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a submission has no report.

    Attributes
    ----------
    code : str
        Stable code of the error.
    message : str
        What is wrong and what would be right; no identity.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """What a task gives: the files of its folder by name, and what the store keeps of them.

    Attributes
    ----------
    files : tuple of (str, bytes)
        In the order in which they are to be written: ``submission.json`` last, so that where it stands all stand.
    rows : PlanRows
        What the store keeps.
    patient : str
        By which the submissions of one patient know each other (``dicom.patient``); no file holds it.
    broken : Broken or None
        None where there is a report.
    """

    submission: Submission
    setup_key: str
    files: tuple[tuple[str, bytes], ...]
    rows: PlanRows = NO_REPORT
    broken: Broken | None = None
    patient: str = ""


def run(task: Task) -> Finished:
    """Check one plan; what is wrong with it becomes an entry, never an exception.

    Raises
    ------
    MemoryError
        If the plan needs more memory than the worker may have.
    """
    if task.submission.problem:
        return broken(task, Broken("no-plan", task.submission.problem))
    try:
        report, patient = _checked(task)
        files = [(f"report.{kind}", render(report, kind)) for kind in ("html", "json")]
    except SbrtcheckError as problem:
        return broken(task, Broken(problem.code, str(problem)))
    except MemoryError:
        raise
    except Exception as problem:
        return broken(
            task, Broken("internal-error", f"the check stopped with {type(problem).__name__}; please report it")
        )
    finally:
        let_go()  # or the memory of a worker would grow with the plans that it has seen
    return replace(_finished(task, files, rows_of(report), None), patient=patient)


def broken(task: Task, why: Broken) -> Finished:
    """Return the entry of a submission that has no report."""
    return _finished(task, [], NO_REPORT, why)


def _finished(task: Task, files: Sequence[tuple[str, bytes]], rows: PlanRows, why: Broken | None) -> Finished:
    entry = {
        "schema": SUBMISSION_SCHEMA,
        "name": task.submission.name,
        "centre": task.submission.centre,
        "plan_uid": task.submission.plan_uid,
        "setup": task.setup_key,
        "error": None if why is None else {"code": why.code, "message": why.message},
    }
    text = json.dumps(entry, indent=1, ensure_ascii=False) + "\n"
    return Finished(task.submission, task.setup_key, (*files, ("submission.json", text.encode())), rows, why)


def _checked(task: Task) -> tuple[PlanReport, str]:
    one = task.submission
    with (
        task.setup.on_disk() as (protocols, site),
        _local(one.sources) as sources,
        tempfile.TemporaryDirectory(prefix="sbrtcheck-") as folder,
    ):
        declared = _written(Path(folder, "declared.toml"), one.declared.encode()) if one.declared else None
        report = check(sources, protocols, prior=one.prior, declared=declared, site=site, plan_uid=one.plan_uid)
        uid = report.plan.sop_instance_uid
        return report, patient_key(sources, uid) if uid else ""


@contextmanager
def _local(sources: Sequence[str]) -> Iterator[list[Path]]:
    """Yield the sources as paths; what is named by a URL or lies in an archive of archives is fetched first."""
    if not any("://" in source or INSIDE in source for source in sources):
        yield [Path(source) for source in sources]
        return
    with tempfile.TemporaryDirectory(prefix="sbrtcheck-") as folder:
        yield [_fetched(source, Path(folder, str(number))) for number, source in enumerate(sources)]


def _fetched(source: str, folder: Path) -> Path:
    folder.mkdir()
    if INSIDE in source:
        return unpack_inner(source, folder)
    if "://" not in source:
        return Path(source)
    import fsspec  # an extra

    files, place = fsspec.core.url_to_fs(source)
    target = folder / Path(place).name
    files.get(place, str(target), recursive=files.isdir(place))
    return target


def _laid(name: str, content: bytes | None, folder: Path) -> str | Path:
    return name if content is None else _written(folder / name, content)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
