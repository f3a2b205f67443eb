"""From the frame of reference of this plan to that of an earlier dose, through registrations.

Registrations are the edges of a graph of frames, to be walked in either direction. What they do not join is not mapped:
a registration is never invented, and two ways that contradict each other are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sbrtcheck.errors import NotComputable
from sbrtcheck.model import AnyRegistration, DeformableRegistration, FloatArray, Registration, frozen

if TYPE_CHECKING:
    from sbrtcheck.prior.warp import Warp

# Two ways that part by more than this anywhere within 200 mm of the origins, or on the vector grids, contradict each
# other. A choice: matrices are stored to some micrometres, and a chain of three adds up to far less.
_CONTRADICTION_MM: Final = 0.5
_CORNERS_MM: Final = np.array([[x, y, z] for x in (-200.0, 200.0) for y in (-200.0, 200.0) for z in (-200.0, 200.0)])
# Vectors along each axis of a grid at which two ways are compared: twelve cut a grid of 360 mm every 33 mm.
_COMPARED: Final = 12
# Longer chains than this are no registration that anybody has looked at; a choice.
_MOST_STEPS: Final = 4
# Rotations leave lengths as they are, to the tolerance that registrations are read with.
_RIGID: Final = 1e-3
# Rounding of a matrix and its inverse: a nanometre, and as much over a metre.
_IDENTITY: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """One deformable registration on the way: walked as it stands, from its vector grid, or backwards."""

    warp: Warp
    forward: bool

    def through(self, points_mm: FloatArray) -> FloatArray:
        """Map points ``(N, 3)``, mm; NaN where that is not known."""
        return self.warp.through(points_mm) if self.forward else self.warp.back(points_mm)


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """A way from one frame of reference to another.

    Attributes
    ----------
    matrix : (4, 4) float or None
        Maps points of the frame of this plan into the frame of the earlier dose, mm. None where a deformable
        registration is on the way: then only ``through`` maps points.
    text : str
        How, for the reader: names the registrations.
    registrations : tuple of str
        SOP instance UIDs of the registrations used; empty where both frames are the same.
    steps : tuple of ((4, 4) float or Bend)
        What is done to a point, in order, where there is no one matrix.
    """

    matrix: FloatArray | None
    text: str
    registrations: tuple[str, ...] = ()
    steps: tuple[FloatArray | Bend, ...] = ()

    @property
    def is_rigid(self) -> bool:
        """Whether lengths stay as they are."""
        if self.matrix is None:
            return False
        turned = self.matrix[:3, :3]
        return bool(np.allclose(turned @ turned.T, np.eye(3), rtol=0.0, atol=_RIGID))

    @property
    def is_identity(self) -> bool:
        """Whether every point stays where it is."""
        return self.matrix is not None and bool(np.allclose(self.matrix, np.eye(4), rtol=0.0, atol=_IDENTITY))

    def through(self, points_mm: FloatArray) -> FloatArray:
        """Map points ``(N, 3)`` of this plan to points of the earlier dose, LPS, mm.

        NaN where a deformable registration does not reach, is not defined, may fold, or cannot be walked backwards.
        """
        if self.matrix is not None:
            return _applied(self.matrix, points_mm)
        return _walked(self.steps, points_mm)


@dataclass(frozen=True, slots=True, eq=False)
class _Edge:
    """One registration, walked in its own direction or backwards."""

    registration: AnyRegistration
    forward: bool

    @property
    def end(self) -> str:
        return self.registration.to_frame_uid if self.forward else self.registration.from_frame_uid

    @property
    def order(self) -> tuple[str, str, str, bool]:
        r = self.registration
        return r.sop_instance_uid, r.from_frame_uid, r.to_frame_uid, not self.forward


_Way = tuple[_Edge, ...]


def find_mapping(registrations: Sequence[AnyRegistration], from_frame_uid: str, to_frame_uid: str) -> Mapping:
    """Return the way from one frame of reference to another: the shortest, where all ways agree.

    Parameters
    ----------
    registrations : sequence of Registration or DeformableRegistration
        Each may be walked both ways.
    from_frame_uid, to_frame_uid : str
        Frame of this plan, and of the earlier dose.

    Raises
    ------
    NotComputable
        If a frame is not named, no registration joins the two, or two ways contradict each other.

    Notes
    -----
    Ways of matrices are compared at the corners of a cube of 400 mm around the origin, ways that bend on their vector
    grids, wherever both are known.
    """
    frames = f"frame of reference {to_frame_uid or '(none)'}, this plan in {from_frame_uid or '(none)'}"
    if not from_frame_uid or not to_frame_uid:
        raise NotComputable(f"the earlier dose lies in {frames}", remedy="Export both with their frames of reference")
    if from_frame_uid == to_frame_uid:
        return Mapping(frozen(np.eye(4)), f"it shares the frame of reference {to_frame_uid}")
    ways = sorted(
        _ways(registrations, from_frame_uid, to_frame_uid, ()), key=lambda way: (len(way), [e.order for e in way])
    )
    if not ways:
        raise NotComputable(
            f"the earlier dose lies in {frames}, and no registration joins them",
            remedy="Export the registration of the earlier images with the plan",
        )
    paths = [_steps(way) for way in ways]
    _require_agreement(ways, paths)
    steps = paths[0]
    text = f"it is mapped through the registration {', '.join(_said(edge) for edge in ways[0])}"
    used = tuple(edge.registration.sop_instance_uid for edge in ways[0])
    if len(steps) == 1 and not isinstance(steps[0], Bend):
        return Mapping(frozen(steps[0]), text, used)
    return Mapping(None, f"{text}; where its vectors end, are undefined or fold, nothing is mapped", used, steps)


def _ways(registrations: Sequence[AnyRegistration], here: str, goal: str, seen: tuple[str, ...]) -> Iterator[_Way]:
    """Yield every way without a detour."""
    if len(seen) == _MOST_STEPS:
        return
    for r in registrations:
        for start, forward in ((r.from_frame_uid, True), (r.to_frame_uid, False)):
            edge = _Edge(r, forward)
            if start != here or edge.end in (*seen, here):
                continue
            if edge.end == goal:
                yield (edge,)
            else:
                yield from ((edge, *rest) for rest in _ways(registrations, edge.end, goal, (*seen, here)))


def _steps(way: _Way) -> tuple[FloatArray | Bend, ...]:
    """Return what a way does to a point: bends, and between them one matrix each."""
    found: list[FloatArray | Bend] = []
    for edge in way:
        if isinstance(edge.registration, DeformableRegistration):
            found.append(_bend(edge.registration, forward=edge.forward))
            continue
        matrix = edge.registration.matrix
        matrix = matrix if edge.forward else np.linalg.inv(matrix).astype(np.float64)
        if found and not isinstance(found[-1], Bend):
            found[-1] = matrix @ found[-1]
        else:
            found.append(matrix)
    return tuple(found)


def _bend(registration: DeformableRegistration, *, forward: bool) -> Bend:
    from sbrtcheck.prior.warp import warp_of  # compiled loops are loaded for cases that need them

    return Bend(warp_of(registration), forward)


def _walked(steps: Sequence[FloatArray | Bend], points_mm: FloatArray) -> FloatArray:
    for step in steps:
        points_mm = step.through(points_mm) if isinstance(step, Bend) else _applied(step, points_mm)
    return points_mm


def _applied(matrix: FloatArray, points_mm: FloatArray) -> FloatArray:
    return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3])


def _back(steps: Sequence[FloatArray | Bend]) -> tuple[FloatArray | Bend, ...]:
    return tuple(
        Bend(step.warp, not step.forward) if isinstance(step, Bend) else np.linalg.inv(step).astype(np.float64)
        for step in reversed(steps)
    )


def _compared(steps: Sequence[FloatArray | Bend]) -> FloatArray:
    """Return points of the frame that a way starts from, at which it is known."""
    found = []
    for n, step in enumerate(steps):
        if isinstance(step, Bend):
            nodes = step.warp.nodes(_COMPARED)
            here = nodes if step.forward else step.warp.through(nodes)
            found.append(_walked(_back(steps[:n]), here))
    return np.concatenate(found) if found else _CORNERS_MM


def _require_agreement(ways: Sequence[_Way], paths: Sequence[tuple[FloatArray | Bend, ...]]) -> None:
    for way, steps in zip(ways[1:], paths[1:], strict=True):
        points_mm = np.concatenate([_compared(paths[0]), _compared(steps)])
        apart_mm = np.linalg.norm(_walked(steps, points_mm) - _walked(paths[0], points_mm), axis=1)
        known = apart_mm[np.isfinite(apart_mm)]
        if len(known) and known.max() > _CONTRADICTION_MM:
            objects = sorted({edge.registration.sop_instance_uid for edge in (*ways[0], *way)})
            raise NotComputable(
                f"registrations contradict each other by {known.max():.1f} mm: {', '.join(objects)}",
                remedy="Give only the one that is right",
            )


def _said(edge: _Edge) -> str:
    """Return one registration for the reader: object, kind, direction."""
    r = edge.registration
    if isinstance(r, Registration):
        kind = {"RIGID": "rigid", "RIGID_SCALE": "rigid with scaling", "AFFINE": "affine"}[r.kind]
        return f"{r.sop_instance_uid} ({kind}{'' if edge.forward else ', inverted'})"
    from sbrtcheck.prior.warp import INVERSE_MM, warp_of

    spacing = " x ".join(f"{s:.3g}" for s in r.lattice.spacing_mm)
    words = [f"deformable: it bends the patient by vectors every {spacing} mm"]
    if not np.allclose(r.pre, np.eye(4), rtol=0.0, atol=_IDENTITY):
        words.append("taken where a point lies before the first matrix")
    if not edge.forward:
        words.append(f"inverted to {INVERSE_MM:g} mm")
    if (folds := warp_of(r).folds) > 0:
        words.append(f"it may fold in {max(folds, 1e-4):.2%} of its grid")
    return f"{r.sop_instance_uid} ({', '.join(words)})"
