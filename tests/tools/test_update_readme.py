"""README shows the numbers of reports/ and lists every notebook."""

import pandas as pd
import update_readme

from facevalue import paths


def test_readme_shows_what_the_reports_hold():
    text = (paths.root() / "README.md").read_text()
    assert text == update_readme.updated(text), "run tools/update_readme.py"


def test_readme_shows_the_mean_and_the_spread_of_all_trainings(tmp_path, monkeypatch):
    """Accuracies of 0.70, 0.71 and 0.72 give 0.71 ± 0.01."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "accurate.onnx").write_bytes(bytes(1_540_000))
    rows = [("accurate", seed, "PublicTest", 0.7 + seed / 100) for seed in range(3)]
    rows += [("fast", 0, "PrivateTest", 0.68), ("ferplus", 0, "PrivateTest", 0.83)]
    table = pd.DataFrame(rows, columns=["model", "seed", "test", "accuracy"])
    table["labels"] = table["model"].where(table["model"] == "ferplus", "fer2013")
    table["images"] = 3_153
    mirrored = table.assign(answer="and its mirror image", accuracy=0.99)
    both = pd.concat([table.assign(answer="one crop"), mirrored])
    both.to_csv(tmp_path / "reports" / "seeds.csv", index=False)
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    monkeypatch.setattr(update_readme.recogniser, "WEIGHTS", tmp_path / "models")
    lines = update_readme.recogniser_table().splitlines()
    assert lines[2] == "| `accurate` | 3 | 0.710 ± 0.010 |  |  | 1.5 MB |"
    assert lines[3] == "| `fast` | 1 |  | 0.680  |  | none |"
    assert not any("`ferplus`" in line for line in lines)  # other labels: not in the same table
    assert "right on 0.830 of the 3,153 PrivateTest images" in " ".join(lines[4:])


def test_readme_lists_each_notebook():
    text = (paths.root() / "README.md").read_text()
    for path in (paths.root() / "notebooks").glob("[0-9]*.ipynb"):
        assert f"(notebooks/{path.name})" in text
