"""Dose in the structures of a case, and prescriptions."""

from __future__ import annotations

from functools import cached_property

from sbrtcheck.anatomy.neighbours import others_in_isodose
from sbrtcheck.anatomy.prescribed import fractions_of, prescription_of
from sbrtcheck.anatomy.shapes import other_frame
from sbrtcheck.derived.located import Located
from sbrtcheck.dose.biology import Effect, effective_curves
from sbrtcheck.dose.dvh import DvhCurves, dvh_curves
from sbrtcheck.dose.isodose import isodose_volume, maximum_beyond
from sbrtcheck.dose.tps import Beside, beside
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Dose, Prescription, Structure, TpsDvh
from sbrtcheck.results import Interval


class Dosed(Located):
    """Dose of the plan."""

    @cached_property
    def dose(self) -> Dose:
        """Dose of the plan."""
        if self.case.dose is None:
            raise NotComputable("no usable RT Dose was found", remedy="Export the plan dose with the plan")
        return self.case.dose

    def isodose_volume(self, structure: Structure, level_gy: float) -> Interval:
        """Return the volume of all tissue at or above a dose, cm3, for a metric of a structure.

        Raises
        ------
        NotComputable
            As ``dvh`` does.
        """
        self.dvh(structure)  # refuses a dose in another frame of reference
        return self._remember(("isodose", level_gy), lambda: isodose_volume(self.dose, level_gy, self.method.dose))

    def maximum_beyond(self, structure: Structure, distance_mm: float) -> Interval:
        """Return the highest dose at least so far outside a structure, Gy; raises NotComputable as ``dvh`` does."""
        self.dvh(structure)  # refuses a dose in another frame of reference
        return maximum_beyond(self.dose, self.region(structure), distance_mm, self.method.dose)

    def others_in_isodose(self, structure: Structure, level_gy: float) -> tuple[Structure, ...]:
        """Return the outermost target of each other lesion that may receive a dose somewhere, by ROI number."""

        def highest_gy(target: Structure) -> Interval:
            return self.dvh(target).interval(lambda dvh: dvh.maximum_gy)

        key = ("others", structure.roi_number, level_gy)
        return self._remember(key, lambda: others_in_isodose(structure, self.lesions, highest_gy, level_gy))

    def fractions(self, structure: Structure) -> int:
        """Return the number of fractions in which the dose of a structure is given.

        Raises
        ------
        NotComputable
            If none is stated, the prescriptions of the plan do not agree, or the dose is of several plans.
        """
        if len(set(self.dose.referenced_plan_uids)) > 1:
            raise NotComputable("the dose is a sum over several plans, whose fractions may differ")
        return fractions_of(structure, self.prescription, self.structures, self.case.plan, self.site)

    def effective_dvh(self, structure: Structure, effect: Effect) -> DvhCurves:
        """Return the dose-volume histogram of a biologically effective dose.

        Raises
        ------
        NotComputable
            As ``dvh`` and ``fractions`` do, and where the dose itself is an effective one.
        """
        if self.dose.kind != "PHYSICAL":
            raise NotComputable(
                f"the dose is stored as an effective dose, of which there is no {effect.quantity}",
                remedy="Export the physical dose",
                where=" ".join(self.dose.sop_instance_uids),
            )
        fractions = self.fractions(structure)
        key = ("effect", effect, fractions, structure.roi_number)
        return self._remember(key, lambda: effective_curves(self.dvh(structure), effect, fractions))

    def against_tps(self, structure: Structure) -> Beside | None:
        """Return our numbers beside those that the planning system stored; None where it stored nothing."""
        stored = self.tps_dvh(structure)
        if stored is None:
            return None
        return self._once("tps", structure, lambda: beside(stored, self.volume, self.dvh, structure))

    def tps_dvh(self, structure: Structure) -> TpsDvh | None:
        """Return the planning system's own DVH of a structure, None where it stored none."""
        stored = self.case.dose.tps_dvhs if self.case.dose is not None else ()
        return next((d for d in stored if d.roi_number == structure.roi_number and d.volume_cm3.size), None)

    def dvh(self, structure: Structure) -> DvhCurves:
        """Return the dose-volume histogram with its bounds.

        Raises
        ------
        NotComputable
            If there is no dose, nothing is drawn, or dose and structure name different frames of reference.
        """
        return self._once("dvh", structure, lambda: self._dvh(structure))

    def _dvh(self, structure: Structure) -> DvhCurves:
        ours, theirs = structure.frame_of_reference_uid, self.dose.frame_of_reference_uid
        if other_frame(ours, theirs):
            raise NotComputable(
                f"the dose lies in frame of reference {theirs}, the structure in {ours}",
                remedy="Export structures and dose of one plan",
                where=structure.where,
            )
        return dvh_curves(self.region(structure), self.dose, self.method)

    def prescription(self, structure: Structure | None) -> Prescription:
        """Return the prescription of a target, or the only one of the plan.

        Raises
        ------
        NotComputable
            If there is none, or several that contradict each other.
        """
        structures = self.structures if self.case.structure_set is not None else ()
        lesions = self.lesions if structures else ()
        return prescription_of(structure, structures, lesions, self.case.plan, self.site)

    def prescribed_gy(self, structure: Structure | None) -> float:
        """Return the prescribed dose, Gy; raises as ``prescription`` does."""
        return self.prescription(structure).dose_gy
