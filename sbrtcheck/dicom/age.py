"""Age of the patient at the plan, from birth date or stated age; neither enters a message."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from sbrtcheck.dicom.document import Kind
from sbrtcheck.dicom.inventory import Stock
from sbrtcheck.dicom.ledger import Ledger
from sbrtcheck.model import Plan

_AGE: Final = re.compile(r"(\d{3})([DWMY])")  # PS3.5 section 6.2, AS
_PER_YEAR: Final = {"D": 365.2425, "W": 365.2425 / 7, "M": 12.0, "Y": 1.0}
_YOUNGEST_YEARS: Final = 1.0  # anonymisation sets the birth date to the study date, and ages to zero
_OLDEST_YEARS: Final = 130.0
# Stated ages are whole years on the day of an image, which may be months before the plan.
_AGREEMENT_YEARS: Final = 2.0


def patient_age_years(stock: Stock, plan: Plan | None, ledger: Ledger) -> float | None:
    """Return the age at the date of the plan or, without one, of the study; None where it is unknown or doubtful.

    A birth date is preferred to a stated age; where the two are more than two years apart, neither is used. An age
    below one year is what anonymisation leaves, and counts as unknown.
    """
    roots = [d.root for d in stock.of(Kind.PLAN, Kind.ION_PLAN, Kind.STRUCTURES, Kind.DOSE)]
    born = {found for root in roots if (found := _date(root.text("PatientBirthDate")))}
    stated = {age for root in roots if (age := _stated_years(root.text("PatientAge")))}
    stated |= {age for one in stock.slices if (age := _stated_years(one.patient_age))}
    when = _date(plan.date) if plan else next((d for root in roots if (d := _date(root.text("StudyDate")))), None)
    exact = _years_between(next(iter(born)), when) if len(born) == 1 and when else None
    if exact is not None and not _YOUNGEST_YEARS <= exact < _OLDEST_YEARS:
        ledger.notice("patient-age-doubtful", "The birth date is implausible at the date of the plan and is not used")
        exact = None
    if len(born) > 1 or (stated and max(stated) - min(stated) > _AGREEMENT_YEARS):
        doubtful = True
    else:
        doubtful = exact is not None and any(abs(exact - age) > _AGREEMENT_YEARS for age in stated)
    if doubtful:
        ledger.notice("patient-age-doubtful", "Birth dates and stated ages contradict each other; no age is used")
        return None
    return exact if exact is not None else min(stated, default=None)


def _stated_years(text: str) -> float | None:
    match = _AGE.fullmatch(text)
    years = int(match[1]) / _PER_YEAR[match[2]] if match else 0.0
    return years if years >= _YOUNGEST_YEARS else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{8}", text) else None
    except ValueError:
        return None


def _years_between(born: date, when: date) -> float:
    """Return completed years and the part of the year since the last birthday, so that birthdays are whole numbers."""
    completed = when.year - born.year - ((when.month, when.day) < (born.month, born.day))
    last_birthday_year = born.year + completed
    try:
        last = born.replace(year=last_birthday_year)
    except ValueError:  # born on 29 February
        last = date(last_birthday_year, 3, 1)
    return completed + (when - last).days / 366.0
