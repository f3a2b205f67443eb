"""The tables of alpha/beta and of the validity of the linear-quadratic model: names, sources, order."""

from __future__ import annotations

import pytest

from sbrtcheck.errors import NotComputable
from sbrtcheck.naming.tables import base_of, is_known
from sbrtcheck.prior.radiobiology import _read_toml, _table, alpha_beta, alpha_betas, lq_validity


def test_every_name_is_a_tg263_name_without_its_side() -> None:
    assert [e.name for e in _table() if not is_known(e.name) or base_of(e.name) != e.name] == []


def test_every_row_has_a_source_a_number_and_no_twin() -> None:
    sources = _read_toml("sources.toml")
    assert all(e.source in sources and 1.0 <= e.alpha_beta_gy <= 20.0 for e in _table())
    assert {e.confidence for e in _table()} <= {"verified", "recalled"}
    assert len({(e.name, e.source) for e in _table()}) == len(_table())


def test_sources_that_disagree_are_both_kept_the_published_one_first() -> None:
    assert [(e.alpha_beta_gy, e.source) for e in alpha_betas("Heart")] == [(2.5, "rulach2021"), (3.0, "rs_cfg")]
    assert alpha_beta("Chestwall_L").alpha_beta_gy == 2.5
    assert alpha_beta("Chestwall_L", "rs_cfg").alpha_beta_gy == 3.0
    assert "Rulach" in str(alpha_beta("Heart"))


@pytest.mark.parametrize(("organ", "gy"), [("SpinalCord", 2.0), ("Esophagus", 3.0), ("Lung_R", 3.0), ("Bladder", 5.0)])
def test_numbers_of_the_sources(organ: str, gy: float) -> None:
    assert alpha_beta(organ).alpha_beta_gy == gy


def test_an_organ_without_a_number_has_none() -> None:
    with pytest.raises(NotComputable, match="no alpha/beta is known for Lens_L"):
        alpha_beta("Lens_L")
    with pytest.raises(NotComputable, match="by rulach2021"):
        alpha_beta("Bladder", "rulach2021")


def test_notice_beyond_the_validated_dose_per_fraction() -> None:
    # 54 Gy in 3 is 18 Gy a fraction, 50 Gy in 5 is 10, 60 Gy in 30 is 2.
    notice = lq_validity([("the plan", 54.0, 3), ("earlier course 1", 60.0, 30)])
    assert notice is not None
    assert notice.code == "lq-validity"
    assert "the plan up to 18.0 Gy" in notice.message
    assert "earlier course 1" not in notice.message
    assert "Brenner" in notice.message
    assert lq_validity([("the plan", 50.0, 5)]) is None
    assert lq_validity([]) is None


def test_a_dose_that_is_no_number_is_told() -> None:
    assert lq_validity([("the plan", float("nan"), 5)]) is not None
