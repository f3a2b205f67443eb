"""The site file: what a clinic's own names mean. TOML, given with ``--site``."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sbrtcheck.errors import SiteFileError
from sbrtcheck.naming.tables import is_known, sided_bases, standard_names

SiteRole = Literal["GTV", "CTV", "ITV", "PTV", "ignore"]


def _known_name(name: str) -> str:
    if name == "ignore" or is_known(name):
        return name
    close = get_close_matches(name, sorted(standard_names() | sided_bases()), n=3)
    hint = f"; close names: {', '.join(close)}" if close else ""
    raise ValueError(f"{name!r} is not a TG-263 name{hint}")


class SitePrescription(BaseModel):
    """A prescription that the plan files do not state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dose_gy: float = Field(gt=0, allow_inf_nan=False)
    fractions: int | None = Field(default=None, gt=0)


class SiteAnatomy(BaseModel):
    """What segmentation masks may do: raise alarms, or stand in for what is not drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    masks: Literal["advisory", "decisive"] = "advisory"


class SiteRegistration(BaseModel):
    """How far an earlier dose may lie from where its registration puts it; the numbers here are choices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shift_mm: float = Field(default=3.0, ge=0, le=50, allow_inf_nan=False)
    rotation_deg: float = Field(default=1.0, ge=0, le=20, allow_inf_nan=False)


class SiteCourse(BaseModel):
    """What a clinic knows of one earlier course besides its files.

    ``uid`` is the SOP instance UID of its plan or dose, ``date`` that of the course (YYYY-MM-DD); one of them names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: str = ""
    date: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    shift_mm: float | None = Field(default=None, ge=0, le=50, allow_inf_nan=False)
    rotation_deg: float | None = Field(default=None, ge=0, le=20, allow_inf_nan=False)
    prescribed_gy: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    fractions: int | None = Field(default=None, gt=0)
    recovery_percent: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)
    recovery_source: str = ""

    @model_validator(mode="after")
    def _named_and_founded(self) -> Self:
        if not self.uid and not self.date:
            raise ValueError("needs uid (of its plan or dose) or date")
        if self.recovery_percent and not self.recovery_source:
            raise ValueError("recovery_percent needs recovery_source: no recovery is assumed without one")
        return self


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["sbrtcheck-site/1"] = Field(alias="schema")
    structures: dict[str, Annotated[str, AfterValidator(_known_name)]] = {}
    targets: dict[str, SiteRole] = {}
    prescriptions: dict[str, SitePrescription] = {}
    anatomy: SiteAnatomy = SiteAnatomy()
    registration: SiteRegistration = SiteRegistration()
    courses: tuple[SiteCourse, ...] = ()
    accepted: dict[str, Annotated[str, Field(min_length=1)]] = {}


def _no_entries() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A clinic's names. ``SiteFile()`` says nothing.

    Attributes
    ----------
    structures : mapping
        ROI name as it stands in the file -> TG-263 name, or ``ignore`` to leave the ROI unmatched.
    targets : mapping
        ROI name -> GTV, CTV, ITV, PTV, or ``ignore`` for what is no target.
    prescriptions : mapping
        ROI name of a target -> its prescription.
    anatomy : SiteAnatomy
        What masks of ``--anatomy`` may do.
    registration : SiteRegistration
        How far an earlier dose may be off.
    courses : tuple of SiteCourse
        What is known of single earlier courses.
    accepted : mapping
        Rules with a recalled value that somebody takes responsibility for: ``protocol/rule`` -> who, and why.
    sha256 : str
        Hash of the file; "" where none was given.
    """

    structures: Mapping[str, str] = field(default_factory=_no_entries)
    targets: Mapping[str, SiteRole] = field(default_factory=lambda: MappingProxyType({}))
    prescriptions: Mapping[str, SitePrescription] = field(default_factory=lambda: MappingProxyType({}))
    anatomy: SiteAnatomy = field(default_factory=SiteAnatomy)
    registration: SiteRegistration = field(default_factory=SiteRegistration)
    courses: tuple[SiteCourse, ...] = ()
    accepted: Mapping[str, str] = field(default_factory=_no_entries)
    sha256: str = ""

    def course(self, uids: Collection[str], date: str) -> SiteCourse | None:
        """Return what is said of the earlier course with these UIDs, or of its date (YYYYMMDD); UIDs go first."""
        by_uid = (c for c in self.courses if c.uid and c.uid in uids)
        by_date = (c for c in self.courses if not c.uid and c.date.replace("-", "") == date)
        return next(chain(by_uid, by_date), None)


def load_site(path: Path) -> SiteFile:
    """Read a site file.

    Raises
    ------
    SiteFileError
        If the file cannot be read or breaks the schema; lists every problem with its key path.
    """
    remedy = 'A site file is TOML with schema = "sbrtcheck-site/1"; docs/location.md lists its tables'
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SiteFileError(f"the site file cannot be read: {error.strerror}", remedy=remedy) from None
    try:
        table = _Table.model_validate(tomllib.loads(content.decode("utf-8")))
    except UnicodeDecodeError:
        raise SiteFileError("the site file is not UTF-8 text", remedy=remedy) from None
    except tomllib.TOMLDecodeError as error:
        raise SiteFileError(f"the site file is not TOML: {error}", remedy=remedy) from None
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SiteFileError("the site file is wrong: " + "; ".join(problems), remedy=remedy) from None
    return SiteFile(
        structures=MappingProxyType({name.strip(): value for name, value in table.structures.items()}),
        targets=MappingProxyType({name.strip(): value for name, value in table.targets.items()}),
        prescriptions=MappingProxyType({name.strip(): value for name, value in table.prescriptions.items()}),
        anatomy=table.anatomy,
        registration=table.registration,
        courses=table.courses,
        accepted=MappingProxyType(table.accepted),
        sha256=hashlib.sha256(content).hexdigest(),
    )
