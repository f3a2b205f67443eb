"""The public interface."""

import pytest

import sbrtcheck


@pytest.mark.parametrize("name", sbrtcheck.__all__)
def test_every_public_name_can_be_loaded(name: str) -> None:
    assert getattr(sbrtcheck, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        _ = sbrtcheck.chek
