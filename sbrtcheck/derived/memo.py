"""Quantities that are computed once per case and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sbrtcheck.anatomy.places import Places
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Case, Method, Structure
from sbrtcheck.naming.site import SiteFile

T = TypeVar("T")
Key = tuple[Any, ...]

_METHOD = Method()
_UNDECLARED = Places()


class Memo:
    """One case, the clinic's choices, and what was computed so far.

    Parameters
    ----------
    case : Case
    site : SiteFile
        The clinic's names and choices; empty where no site file was given.
    method : Method
        How shape and dose are read between what the files store. Distances and diameters always follow the contours.
    places : Places
        What a person declares of the lesions.
    """

    def __init__(self, case: Case, site: SiteFile, method: Method = _METHOD, places: Places = _UNDECLARED) -> None:
        self.case = case
        self.site = site
        self.method = method
        self.places = places
        self._memo: dict[Key, Any] = {}

    def _once(self, what: str, structure: Structure, compute: Callable[[], T]) -> T:
        return self._remember((what, structure.roi_number), compute)

    def _remember(self, key: Key, compute: Callable[[], T]) -> T:
        if key not in self._memo:
            try:
                self._memo[key] = compute()
            except NotComputable as reason:
                self._memo[key] = reason
        found = self._memo[key]
        if isinstance(found, NotComputable):
            raise found
        return found  # type: ignore[no-any-return]
