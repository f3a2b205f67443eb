"""Synthetic patients with known answers: for trying out, for tests, and to commission the program.

Every shape is a solid with a closed form, and the dose around a target depends on the distance from its centre alone.
So diameters, volumes, distances, DVHs and conformity are known without any of the code that is checked: see ``truth``
for the formulae, ``anatomy`` for what lies where, and ``library`` for the cases and their verdicts.

Contours are drawn on the CT slices, 2 mm apart, as polygons inside their curve that leave it by 0.02 mm at most;
target centres lie on slices. Dose is stored on a grid of 2.5 mm (2 mm in one case, 5 mm where it is the same
everywhere) whose voxel centres are off the target centres.
"""

from sbrtcheck.phantom.library import cases, describe, phantom
from sbrtcheck.phantom.spec import Phantom
from sbrtcheck.phantom.truth import Truth, truths
from sbrtcheck.phantom.writing import write_phantom

__all__ = ["Phantom", "Truth", "cases", "describe", "phantom", "truths", "write_phantom"]
