"""From the frame of reference of this plan to that of an earlier dose, through registrations.

Registrations are the edges of a graph of frames, to be walked in either direction. What they do not join is not mapped:
a registration is never invented, and two ways that contradict each other are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sbrtcheck.errors import NotComputable
from sbrtcheck.model import FloatArray, Registration, frozen

# Two ways that part by more than this anywhere within 200 mm of the origins contradict each other. A choice: matrices
# are stored to some micrometres, and a chain of three adds up to far less.
_CONTRADICTION_MM = 0.5
_CORNERS_MM = np.array([[x, y, z] for x in (-200.0, 200.0) for y in (-200.0, 200.0) for z in (-200.0, 200.0)])
# Longer chains than this are no registration that anybody has looked at; a choice.
_MOST_STEPS = 4
# Rotations leave lengths as they are, to the tolerance that registrations are read with.
_RIGID = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """A way from one frame of reference to another.

    Attributes
    ----------
    matrix : (4, 4) float
        Maps points of the frame of this plan into the frame of the earlier dose, mm.
    text : str
        How, for the reader: names the registrations.
    registrations : tuple of str
        SOP instance UIDs of the registrations used; empty where both frames are the same.
    """

    matrix: FloatArray
    text: str
    registrations: tuple[str, ...] = ()

    @property
    def is_rigid(self) -> bool:
        """Whether lengths stay as they are."""
        turned = self.matrix[:3, :3]
        return bool(np.allclose(turned @ turned.T, np.eye(3), rtol=0.0, atol=_RIGID))

    def through(self, points_mm: FloatArray) -> FloatArray:
        """Map points ``(N, 3)`` of this plan to points of the earlier dose, LPS, mm."""
        return np.asarray(points_mm @ self.matrix[:3, :3].T + self.matrix[:3, 3])


def find_mapping(registrations: Sequence[Registration], from_frame_uid: str, to_frame_uid: str) -> Mapping:
    """Return the way from one frame of reference to another: the shortest, where all ways agree.

    Parameters
    ----------
    registrations : sequence of Registration
        Each may be walked both ways.
    from_frame_uid, to_frame_uid : str
        Frame of this plan, and of the earlier dose.

    Raises
    ------
    NotComputable
        If a frame is not named, no registration joins the two, or two ways contradict each other.
    """
    frames = f"frame of reference {to_frame_uid or '(none)'}, this plan in {from_frame_uid or '(none)'}"
    if not from_frame_uid or not to_frame_uid:
        raise NotComputable(f"the earlier dose lies in {frames}", remedy="Export both with their frames of reference")
    if from_frame_uid == to_frame_uid:
        return Mapping(frozen(np.eye(4)), f"it shares the frame of reference {to_frame_uid}")
    ways = sorted(_ways(registrations, from_frame_uid, to_frame_uid, ()), key=lambda w: (len(w), [r for r, _ in w]))
    if not ways:
        raise NotComputable(
            f"the earlier dose lies in {frames}, and no registration joins them",
            remedy="Export the registration of the earlier images with the plan",
        )
    by_uid = {(r.sop_instance_uid, r.from_frame_uid): r for r in registrations}
    matrices = [_product(way, by_uid) for way in ways]
    _require_agreement(ways, matrices)
    used = tuple(uid for (uid, _), _ in ways[0])
    steps = ", ".join(f"{uid}{'' if forward else ' (inverted)'}" for (uid, _), forward in ways[0])
    return Mapping(frozen(matrices[0]), f"it is mapped through the registration {steps}", used)


# A registration by its object and the frame it starts from, and whether it is walked in its own direction.
_Step = tuple[tuple[str, str], bool]


def _ways(
    registrations: Sequence[Registration], here: str, goal: str, seen: tuple[str, ...]
) -> Iterator[tuple[_Step, ...]]:
    """Yield every way without a detour."""
    if len(seen) == _MOST_STEPS:
        return
    for r in registrations:
        both = ((r.from_frame_uid, r.to_frame_uid, True), (r.to_frame_uid, r.from_frame_uid, False))
        for start, end, forward in both:
            if start != here or end in (*seen, here):
                continue
            step: _Step = ((r.sop_instance_uid, r.from_frame_uid), forward)
            if end == goal:
                yield (step,)
            else:
                yield from ((step, *rest) for rest in _ways(registrations, end, goal, (*seen, here)))


def _product(way: Sequence[_Step], by_uid: dict[tuple[str, str], Registration]) -> FloatArray:
    found = np.eye(4)
    for key, forward in way:
        matrix = by_uid[key].matrix
        found = (matrix if forward else np.linalg.inv(matrix)) @ found
    return found


def _require_agreement(ways: Sequence[Sequence[_Step]], matrices: Sequence[FloatArray]) -> None:
    places = [_CORNERS_MM @ m[:3, :3].T + m[:3, 3] for m in matrices]
    for way, place in zip(ways[1:], places[1:], strict=True):
        apart_mm = float(np.linalg.norm(place - places[0], axis=1).max())
        if apart_mm > _CONTRADICTION_MM:
            objects = sorted({uid for (uid, _), _ in (*ways[0], *way)})
            raise NotComputable(
                f"registrations contradict each other by {apart_mm:.1f} mm: {', '.join(objects)}",
                remedy="Give only the one that is right",
            )
