"""What a person declares of single lesions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Places:
    """What a person declares of lesions, by the names of their ROIs.

    Attributes
    ----------
    organs : mapping of str to str
        Where each lies: an organ, or the TG-263 name of a part of one.
    soft_tissue : frozenset of str
        Bone lesions whose soft-tissue part is measurable by itself.
    """

    organs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    soft_tissue: frozenset[str] = frozenset()
