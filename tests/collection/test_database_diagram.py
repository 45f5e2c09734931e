"""The entity-relationship diagram shows what a created database contains."""

import re
import subprocess
import sys

import pytest
from sqlalchemy import inspect

from facevalue.collection import database, database_diagram


@pytest.fixture(scope="module")
def inspector():
    engine = database.create("sqlite://")
    yield inspect(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def entities():
    """The attributes of each entity: a list of (type, name, keys, comment)."""
    text = database_diagram.er_diagram()
    blocks = re.findall(r"^ {4}(\w+) \{\n(.*?)^ {4}\}", text, re.MULTILINE | re.DOTALL)
    attribute = r'^ +(\w+) (\w+)(?: ([A-Z, ]+?))?(?: "(.*)")?$'
    return {name: re.findall(attribute, block, re.MULTILINE) for name, block in blocks}


@pytest.fixture(scope="module")
def relations():
    """Each relation: (child, cardinality, parent, label)."""
    pattern = r'^ {4}(\w+) (\S+) (\w+) : "?([^"\n]+)"?$'
    return re.findall(pattern, database_diagram.er_diagram(), re.MULTILINE)


def test_every_table_and_column_is_in_it_and_nothing_else(inspector, entities):
    assert set(entities) == set(inspector.get_table_names())
    for table, attributes in entities.items():
        columns = [column["name"] for column in inspector.get_columns(table)]
        assert [name for _, name, _, _ in attributes] == columns


def test_keys_types_and_optional_columns_are_those_of_the_database(inspector, entities):
    types = {
        "int": ("INTEGER",),
        "str": ("VARCHAR",),
        "float": ("FLOAT", "DOUBLE"),  # SQLAlchemy 2.0, 2.1
        "bool": ("BOOLEAN",),
        "bytes": ("BLOB",),
    }
    for table, attributes in entities.items():
        primary = set(inspector.get_pk_constraint(table)["constrained_columns"])
        foreign = {key["constrained_columns"][0] for key in inspector.get_foreign_keys(table)}
        unique = {key["column_names"][0] for key in inspector.get_unique_constraints(table)}
        for column, (kind, name, keys, comment) in zip(
            inspector.get_columns(table), attributes, strict=True
        ):
            expected = [
                mark
                for mark, of in (("PK", primary), ("FK", foreign), ("UK", unique))
                if name in of
            ]
            assert keys == ", ".join(expected)
            assert (comment == "optional") == column["nullable"]
            assert str(column["type"]).startswith(types[kind])


def test_every_foreign_key_is_a_relation(inspector, relations):
    keys = {
        (table, key["referred_table"], key["constrained_columns"][0])
        for table in inspector.get_table_names()
        for key in inspector.get_foreign_keys(table)
    }
    drawn = {(child, parent, label) for child, line, parent, label in relations if "--" in line}
    assert len(keys) == 10
    assert drawn == keys
    # an action unit of contempt belongs to none of the seven emotions
    assert ("facs_emotions_units", "}o--o|", "emotions_ids", "emotion_id") in relations


def test_every_view_is_in_it(inspector, relations):
    views = {child for child, line, parent, _ in relations if ".." in line}
    assert views == set(inspector.get_view_names())


@pytest.mark.slow
def test_importing_it_loads_no_drawing_library():
    code = (
        "import sys, facevalue.collection.database_diagram\n"
        "assert not {'matplotlib', 'utils'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
