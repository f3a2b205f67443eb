"""CT slices."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from pydicom.uid import CTImageStorage

from sbrtcheck.dicom.write.common import Header, dataset, decimal, derived_uid, save, set_grid
from sbrtcheck.model import FloatArray, Lattice

_INTERCEPT_HU: Final = -1024  # stored values begin at 0


def write_ct(folder: Path, header: Header, hu: FloatArray, lattice: Lattice, series_uid: str) -> tuple[str, ...]:
    """Write one CT Image file per slice (PS3.3 A.3) and return the SOP instance UIDs in the order of k.

    Parameters
    ----------
    hu : (K, J, I) float
        Hounsfield units, rounded to whole ones; -1024 to 3071 can be stored.
    lattice : Lattice
        Right-handed, evenly spaced.

    Raises
    ------
    ValueError
        If a value cannot be stored in 12 bits or the lattice is not one of an image.
    """
    stored = np.rint(hu) - _INTERCEPT_HU
    if stored.min() < 0 or stored.max() > 4095:
        raise ValueError("Hounsfield units outside -1024 to 3071")
    pixels = stored.astype("<u2")
    uids = tuple(derived_uid(series_uid, str(k)) for k in range(lattice.shape[0]))
    ds = dataset(header, CTImageStorage, uids[0], "CT", series_uid)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.PatientPosition = header.patient_position
    ds.KVP = ""
    ds.AcquisitionNumber = ""
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept = decimal(_INTERCEPT_HU)
    ds.RescaleSlope = "1"
    ds.RescaleType = "HU"
    for k, uid in enumerate(uids):
        ds.SOPInstanceUID = uid
        ds.InstanceNumber = k + 1
        set_grid(ds, lattice, k)
        ds.add_new("PixelData", "OW", pixels[k].tobytes())
        save(ds, folder / f"CT.{k + 1:03d}.dcm")
    return uids
