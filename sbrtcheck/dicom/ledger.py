"""The account of a reading: what became of every file, what was assumed, what the reader should know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sbrtcheck.errors import InputError
from sbrtcheck.results import Assumption, InputRecord, Notice

Severity = Literal["info", "warning", "blocking"]
_RANK = {"blocking": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class FileId:
    """How one file is named in messages: never by its path."""

    number: int  # of the file within this reading; tells copies apart and is not shown
    sop_instance_uid: str
    modality: str
    sha256: str
    is_prior: bool = False

    @property
    def where(self) -> str:
        """The SOP instance UID or, without one, the start of the hash."""
        return self.sop_instance_uid or f"sha256 {self.sha256[:16]}"


@dataclass(slots=True)
class Ledger:
    """Collects while files are read; the same set of entries gives the same account in whatever order it came."""

    _inputs: dict[int, InputRecord] = field(default_factory=dict)
    _notices: set[Notice] = field(default_factory=set)
    _assumptions: set[Assumption] = field(default_factory=set)

    def notice(self, code: str, message: str, where: str = "", severity: Severity = "warning") -> None:
        """Tell the reader something; an identical notice is kept once."""
        self._notices.add(Notice(code=code, message=message, where=where, severity=severity))

    def assume(self, topic: str, text: str, overrule: str = "") -> None:
        """Record something taken without a statement in the files."""
        self._assumptions.add(Assumption(topic=topic, text=text, overrule=overrule))

    def use(self, file: FileId, why: str) -> None:
        """Record a file as used; this outweighs an earlier "ignored"."""
        self._record(file, used=True, why=f"earlier course: {why}" if file.is_prior else why)

    def ignore(self, file: FileId, why: str) -> None:
        """Record a file as ignored, unless it is accounted for already."""
        if file.number not in self._inputs:
            self._record(file, used=False, why=f"ignored: {why}")

    def withdraw(self, file: FileId, why: str) -> None:
        """Record a file as ignored although it was read and, perhaps, used before."""
        self._record(file, used=False, why=f"ignored: {why}")

    def refuse(self, file: FileId, problem: InputError, severity: Severity = "blocking") -> None:
        """Record a file as unreadable, with a notice."""
        self._record(file, used=False, why=f"unreadable: {problem.message}")
        advice = f". {problem.remedy}" if problem.remedy else ""
        self.notice(problem.code, f"{problem.message}{advice}", file.where, severity)

    def _record(self, file: FileId, *, used: bool, why: str) -> None:
        self._inputs[file.number] = InputRecord(
            sop_instance_uid=file.sop_instance_uid, modality=file.modality, sha256=file.sha256, used=used, why=why
        )

    @property
    def inputs(self) -> tuple[InputRecord, ...]:
        """All files, by UID, hash and what became of them."""
        return tuple(sorted(self._inputs.values(), key=lambda r: (r.sop_instance_uid, r.sha256, not r.used, r.why)))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """All notices, the gravest first."""
        return tuple(sorted(self._notices, key=lambda n: (_RANK[n.severity], n.code, n.where, n.message)))

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """All assumptions, by topic."""
        return tuple(sorted(self._assumptions, key=lambda a: (a.topic, a.text)))
