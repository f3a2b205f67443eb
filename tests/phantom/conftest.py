"""Phantoms written once a session, and their files read back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from sbrtcheck.phantom import write_phantom


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a case."""
    folder = tmp_path_factory.mktemp("phantoms")

    def write(case: str) -> Path:
        if not (folder / case).exists():
            write_phantom(case, folder / case)
        return folder / case

    return write


@pytest.fixture(scope="session")
def dose_of() -> Callable[[Path], tuple[np.ndarray, np.ndarray]]:
    """Return a function that reads an RT Dose by the text of the standard: dose (K, J, I) and points (K, J, I, 3)."""

    def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
        ds: Dataset = pydicom.dcmread(path)
        shape = (int(ds.NumberOfFrames), ds.Rows, ds.Columns)
        dose = np.frombuffer(ds.PixelData, "<u4").reshape(shape) * float(ds.DoseGridScaling)
        row, column = np.array(ds.ImageOrientationPatient, float).reshape(2, 3)
        k = np.array(ds.GridFrameOffsetVector, float)[:, None, None, None]
        j = (np.arange(ds.Rows) * float(ds.PixelSpacing[0]))[None, :, None, None]
        i = (np.arange(ds.Columns) * float(ds.PixelSpacing[1]))[None, None, :, None]
        points = np.array(ds.ImagePositionPatient, float) + i * row + j * column + k * np.cross(row, column)
        return dose, points

    return read
