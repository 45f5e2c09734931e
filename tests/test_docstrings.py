"""The examples in the package's docstrings do what they show."""

import doctest
import importlib
import pkgutil

import pandas as pd
import pytest

import facevalue

MODULES = [
    module.name
    for module in pkgutil.walk_packages(facevalue.__path__, "facevalue.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    with pd.option_context("display.float_format", None):  # as it is before utils.setup
        result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_the_rooms_have_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [
        test
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert len(found) > 40
