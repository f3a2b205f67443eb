"""What is in the patient: frozen dataclasses of numpy arrays, in patient coordinates (LPS, mm), cm3 and Gy."""

from sbrtcheck.model.arrays import DoseArray, FloatArray, IntArray, frozen
from sbrtcheck.model.case import Case, PriorCourse
from sbrtcheck.model.dose import Dose, TpsDvh
from sbrtcheck.model.image import Image
from sbrtcheck.model.lattice import Lattice
from sbrtcheck.model.method import Interpolation, Method, ShapeModel
from sbrtcheck.model.plan import FractionGroup, Plan, Prescription
from sbrtcheck.model.registration import AnyRegistration, DeformableRegistration, Registration
from sbrtcheck.model.structure import Code, Contour, Structure, StructureSet

__all__ = [
    "AnyRegistration",
    "Case",
    "Code",
    "Contour",
    "DeformableRegistration",
    "Dose",
    "DoseArray",
    "FloatArray",
    "FractionGroup",
    "Image",
    "IntArray",
    "Interpolation",
    "Lattice",
    "Method",
    "Plan",
    "Prescription",
    "PriorCourse",
    "Registration",
    "ShapeModel",
    "Structure",
    "StructureSet",
    "TpsDvh",
    "frozen",
]
