"""Anatomy segmented by TotalSegmentator: NIfTI masks, DICOM SEG, RT Structure Sets, matched by name of the class."""

from sbrtcheck.segmentation.loading import Anatomy, load_anatomy

__all__ = ["Anatomy", "load_anatomy"]
