"""The entity-relationship diagram of the image database, as Mermaid text."""

from __future__ import annotations

from sqlalchemy import Column, Table

from facevalue.collection.database_schema import VIEWS, Base, Image


def er_diagram() -> str:
    """Return the tables, columns, keys and views of the database as a Mermaid `erDiagram`.

    GitHub and JupyterLab (4.1 or later) draw it if it is in a Markdown code block with the
    language `mermaid`. PK marks a primary key, FK a foreign key, UK a unique column.

    >>> for line in er_diagram().splitlines()[:6]:
    ...     print(line)
    erDiagram
        data_sources {
            int id PK
            str name UK
            str address
            str licence
    """
    tables = list(Base.metadata.tables.values())
    lines = [line for table in tables for line in (*_entity(table), *_relations(table))]
    lines += [f'{view} |o..|| {Image.__tablename__} : "is a view of"' for view in VIEWS]
    return "\n".join(["erDiagram", *(f"    {line}" for line in lines)])


def _entity(table: Table) -> list[str]:
    return [f"{table.name} {{", *(f"    {_attribute(column)}" for column in table.columns), "}"]


def _attribute(column: Column) -> str:
    marks = {"PK": column.primary_key, "FK": column.foreign_keys, "UK": column.unique}
    keys = ", ".join(mark for mark, applies in marks.items() if applies)
    comment = '"optional"' if column.nullable else ""
    return " ".join(filter(None, [column.type.python_type.__name__, column.name, keys, comment]))


def _relations(table: Table) -> list[str]:
    """Return one relation per foreign key, from many rows of `table` to one of the other."""
    return [
        f"{table.name} }}o--{'o|' if column.nullable else '||'} {key.column.table.name} "
        f": {column.name}"
        for column in table.columns
        for key in column.foreign_keys
    ]
