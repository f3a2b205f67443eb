"""DICOM in and out: the only package that knows pydicom."""

from sbrtcheck.dicom.reading import Reading, load_case

__all__ = ["Reading", "load_case"]
