"""RT Dose on a grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import RTDoseStorage, RTPlanStorage

from sbrtcheck.dicom.write.common import Header, dataset, decimal, decimals, save, set_grid
from sbrtcheck.model import FloatArray, Lattice


def write_dose(
    path: Path, header: Header, sop_uid: str, dose_gy: FloatArray, lattice: Lattice, *, step_gy: float, plan_uid: str
) -> None:
    """Write one RT Dose (PS3.3 A.18.3): PHYSICAL, in GY, summed over the PLAN, 32 bits a voxel.

    Parameters
    ----------
    dose_gy : (K, J, I) float
        Dose at the voxel centres of ``lattice``, Gy, not negative.
    step_gy : float
        Dose Grid Scaling, Gy: what is stored differs from ``dose_gy`` by half a step at most.
    plan_uid : str
        SOP instance UID of the RT Plan that the dose belongs to.

    Raises
    ------
    ValueError
        If a dose cannot be stored or the lattice is not one of an image.
    """
    stored = np.rint(dose_gy / step_gy)
    if stored.min() < 0 or stored.max() > 2**32 - 1:
        raise ValueError(f"dose outside 0 to {step_gy * (2**32 - 1)} Gy")
    ds = dataset(header, RTDoseStorage, sop_uid, "RTDOSE")
    ds.InstanceNumber = 1
    set_grid(ds, lattice)
    ds.NumberOfFrames = lattice.shape[0]
    ds.FrameIncrementPointer = Tag("GridFrameOffsetVector")
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 32, 32, 31, 0
    ds.DoseUnits = "GY"
    ds.DoseType = "PHYSICAL"
    ds.DoseSummationType = "PLAN"
    ds.GridFrameOffsetVector = decimals(lattice.k_mm - lattice.k_mm[0])
    ds.DoseGridScaling = decimal(step_gy)
    ds.TissueHeterogeneityCorrection = "IMAGE"
    plan = Dataset()
    plan.ReferencedSOPClassUID = RTPlanStorage
    plan.ReferencedSOPInstanceUID = plan_uid
    ds.ReferencedRTPlanSequence = [plan]
    ds.add_new("PixelData", "OW", stored.astype("<u4").tobytes())
    save(ds, path)
