"""Every error that the program raises on purpose: a stable code, what is wrong, what would be right.

Messages name SOP instance UIDs, ROI numbers and key paths, never a patient, and never a path that may hold a name.
"""

from __future__ import annotations

from typing import ClassVar


class SbrtcheckError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    message : str
        What is wrong, in one sentence without a full stop.
    remedy : str
        What would be right, or what the user can do; empty when nothing helps.
    where : str
        The object concerned: ``"ROI 3"``, a SOP instance UID, a key path.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, remedy: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.where = where

    def __str__(self) -> str:
        place = f" [{self.where}]" if self.where else ""
        advice = f". {self.remedy}" if self.remedy else ""
        return f"{self.message}{place}{advice}"

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments would be lost when an error crosses a process boundary.
        return (_rebuild, (type(self), self.message, self.remedy, self.where))


def _rebuild(kind: type[SbrtcheckError], message: str, remedy: str, where: str) -> SbrtcheckError:
    return kind(message, remedy=remedy, where=where)


class UsageError(SbrtcheckError):
    """An option or argument is wrong."""

    code = "usage"


class InputError(SbrtcheckError):
    """The files given cannot be used as a plan."""

    code = "input"


class NoDicomFound(InputError):
    """Nothing readable as DICOM was found."""

    code = "no-dicom"


class UnreadableFile(InputError):
    """One file is damaged, truncated or not what it says."""

    code = "unreadable-file"


class UnsafeArchive(InputError):
    """A zip file is too large when unpacked, leaves its folder, or is damaged."""

    code = "unsafe-archive"


class MixedPatients(InputError):
    """The files belong to more than one patient."""

    code = "mixed-patients"


class DuplicateInstance(InputError):
    """Two different files carry the same SOP instance UID."""

    code = "duplicate-instance"


class AmbiguousCase(InputError):
    """More than one reading is possible; the error lists them and says which option picks one."""

    code = "ambiguous-case"


class UnusableDose(InputError):
    """A dose object cannot be read as dose in Gy on a grid."""

    code = "unusable-dose"


class UnusableStructures(InputError):
    """A structure set contradicts itself."""

    code = "unusable-structures"


class UnusablePlan(InputError):
    """A plan object contradicts itself."""

    code = "unusable-plan"


class UnusableRegistration(InputError):
    """A registration does not say which frames of reference it joins, or its matrix is not a transform."""

    code = "unusable-registration"


class UnusableMask(InputError):
    """A segmentation mask does not say what it shows, or lies on another grid or in another frame of reference."""

    code = "unusable-mask"


class ProtocolError(SbrtcheckError):
    """A protocol file is wrong; the message lists every problem with its key path."""

    code = "protocol"


class UnknownProtocol(ProtocolError):
    """No protocol of that name is in the library or on disk."""

    code = "unknown-protocol"


class SiteFileError(SbrtcheckError):
    """A site file is wrong; the message lists every problem with its key path."""

    code = "site-file"


class DeclaredFileError(SbrtcheckError):
    """A file of declared facts is wrong; the message lists every problem with its key path."""

    code = "declared-file"


class MetricSyntaxError(SbrtcheckError):
    """A metric expression cannot be read, or can be read in two ways."""

    code = "metric-syntax"


class OutputError(SbrtcheckError):
    """A result could not be written."""

    code = "output"


class NotComputable(SbrtcheckError):
    """A quantity does not exist or cannot be known from these files; never replaced by 0."""

    code = "not-computable"
