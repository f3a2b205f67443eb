"""Writing DICOM: one module an object, from plain arrays and the model to explicit VR little endian.

Written for synthetic patients. The same arguments give the same bytes: dates and UIDs come from the caller, and there
is no clock in a file.
"""

from sbrtcheck.dicom.write.common import Header, derived_uid
from sbrtcheck.dicom.write.deformable import write_deformable
from sbrtcheck.dicom.write.dose import write_dose
from sbrtcheck.dicom.write.image import write_ct
from sbrtcheck.dicom.write.plan import write_plan
from sbrtcheck.dicom.write.registration import write_registration
from sbrtcheck.dicom.write.structures import Slices, write_structures

__all__ = [
    "Header",
    "Slices",
    "derived_uid",
    "write_ct",
    "write_deformable",
    "write_dose",
    "write_plan",
    "write_registration",
    "write_structures",
]
