"""Every function in tests/ that looks like a test is one that pytest runs."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def checks_something(function):
    """Return whether a function contains an assert or `pytest.raises`."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Attribute) and node.attr in ("raises", "warns"))
        for node in ast.walk(function)
    )


def is_decorated(function):
    """Return whether a function has a decorator other than a mark, such as `pytest.fixture`."""
    return any("pytest.mark." not in ast.unparse(each) for each in function.decorator_list)


def names_in(node):
    """Return the names that some code uses: variables, attributes, arguments and imports."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.arg):
            yield each.arg
        elif isinstance(each, ast.alias):
            yield each.name


def candidates(module):
    """Return the functions of a module, and the methods of its test classes."""
    bodies = [module.body] + [
        node.body
        for node in module.body
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    ]
    return [node for body in bodies for node in body if isinstance(node, FUNCTIONS)]


def forgotten(sources):
    """Return the tests that never run, as "file: function".

    They are functions that check something and whose name does not begin with test_, though
    nothing uses them: no code names them, they are not fixtures or hooks, and all their arguments
    can be fixtures.

    Args:
        sources: the code of each file, by its name.
    """
    modules = {name: ast.parse(code) for name, code in sources.items()}
    found = [(name, each) for name, module in modules.items() for each in candidates(module)]
    uses = {}
    for name, module in modules.items():
        inside = {each.name: set(names_in(each)) for file, each in found if file == name}
        outside = [node for node in module.body if not isinstance(node, FUNCTIONS)]
        inside[""] = {used for node in outside for used in names_in(node)}
        uses[name] = inside
    used_by_others = {
        function.name
        for _, function in found
        for inside in uses.values()
        for user, used in inside.items()
        if user != function.name and function.name in used
    }
    return [
        f"{name}: {function.name}"
        for name, function in found
        if not function.name.startswith(("test_", "pytest_", "_"))
        and function.name not in used_by_others
        and not is_decorated(function)
        and not (function.args.defaults or function.args.vararg or function.args.kwarg)
        and checks_something(function)
    ]


def test_no_test_is_forgotten():
    sources = {
        str(file.relative_to(TESTS)): file.read_text(encoding="utf-8")
        for file in TESTS.rglob("*.py")
    }
    assert forgotten(sources) == []


EXAMPLE = """
import pytest

def faces_are_found(client):
    assert client

@pytest.mark.parametrize("text", ["one"])
def errors_are_raised(text):
    with pytest.raises(ValueError):
        int(text)

def test_that_runs(client):
    check(client)

def check(client):
    assert client

@pytest.fixture
def client():
    assert True
    return 1

def helper(value, least=0):
    assert value > least

class TestGroup:
    def sums_are_right(self):
        assert 1 + 1 == 2

    def test_sums(self):
        assert 1 + 1 == 2
"""


def test_a_forgotten_test_is_found():
    assert forgotten({"test_example.py": EXAMPLE}) == [
        "test_example.py: faces_are_found",
        "test_example.py: errors_are_raised",
        "test_example.py: sums_are_right",
    ]


def test_a_function_that_another_file_uses_is_not_a_forgotten_test():
    user = "from test_example import faces_are_found\n"
    assert forgotten({"test_example.py": EXAMPLE, "test_user.py": user}) == [
        "test_example.py: errors_are_raised",
        "test_example.py: sums_are_right",
    ]
