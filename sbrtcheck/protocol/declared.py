"""Facts that no plan file shows and a person declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Declared:
    """The content of a file given with ``--declared``.

    Attributes
    ----------
    facts : mapping
        Flat keys such as ``histology``, ``age_years``, ``prior_radiotherapy_to_target``.
    sha256 : str
        Hash of the file; "" where none was given.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
