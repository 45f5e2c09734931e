"""The entity-relationship diagram shows what the models say."""

import matplotlib.pyplot as plt
import pytest

from facevalue.collection import database_diagram, database_schema


@pytest.fixture(scope="module")
def figure():
    made = database_diagram.draw()
    made.canvas.draw()
    yield made
    plt.close(made)


def words(figure):
    return [text for text in figure.axes[0].texts if text.get_text()]


def test_each_table_column_and_view_is_written(figure):
    written = [text.get_text() for text in words(figure)]
    for name, table in database_schema.Base.metadata.tables.items():
        assert name in written
        for column in table.columns:
            assert column.name in written
    for view in database_schema.VIEWS:
        assert any(view in text for text in written)


def test_an_arrow_leads_from_each_foreign_key_to_its_key(figure):
    drawn = {
        (round(line.get_ydata()[0], 3), round(line.get_ydata()[-1], 3))
        for line in figure.axes[0].lines
        if len(line.get_xdata()) == 4  # with two bends
    }
    tables = database_schema.Base.metadata.tables
    places = {
        line.column: line.place
        for table in tables.values()
        for line in database_diagram.lines(table)
    }
    keys = [(key.parent, key.column) for table in tables.values() for key in table.foreign_keys]
    assert len(keys) == 4
    assert drawn == {(round(places[start], 3), round(places[end], 3)) for start, end in keys}


def test_the_text_is_large_enough_inside_the_figure_and_nowhere_on_top_of_other_text(figure):
    assert tuple(figure.get_size_inches()) <= (6, 4)
    boxes = [text.get_window_extent() for text in words(figure)]
    assert min(text.get_fontsize() for text in words(figure)) >= 9
    for number, box in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_the_page_is_opaque_so_that_it_can_be_read_in_a_dark_notebook(figure):
    assert figure.get_facecolor() == (1, 1, 1, 1)
