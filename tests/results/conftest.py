"""Fixtures of the tests of results folders."""

import pytest
from levels_by_hand import folder


@pytest.fixture
def results(tmp_path):
    return folder(tmp_path)
