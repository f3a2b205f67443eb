"""What ROI names mean: TG-263 names, roles of targets, the clinic's own names."""

from sbrtcheck.naming.match import NameMatch, match_name
from sbrtcheck.naming.partial import PartialName, partial_name, surely_partial
from sbrtcheck.naming.roles import NotATarget, Role, TargetRole, judge_role, target_role
from sbrtcheck.naming.site import SiteFile, SitePrescription, load_site
from sbrtcheck.naming.tables import base_of

__all__ = [
    "NameMatch",
    "NotATarget",
    "PartialName",
    "Role",
    "SiteFile",
    "SitePrescription",
    "TargetRole",
    "base_of",
    "judge_role",
    "load_site",
    "match_name",
    "partial_name",
    "surely_partial",
    "target_role",
]
