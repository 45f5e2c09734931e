"""How often the claims of a notebook hold, on a small notebook made for the test."""

import measure_claims
import nbformat
import pandas as pd
import pytest
import run_notebooks


@pytest.mark.slow
def test_claims_are_counted_over_seeds_and_each_seed_runs_once(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    count = tmp_path / "count"
    sources = [
        "import utils; run = utils.setup()",
        f"_ = open({str(count)!r}, 'a').write('x')",
        "utils.check('small', run.seed, '<', 2)",
        "utils.check('true', True)",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "01_first.ipynb")
    monkeypatch.setattr(run_notebooks, "NOTEBOOKS", folder)
    monkeypatch.setattr(measure_claims, "NOTES", tmp_path / "claims")
    monkeypatch.setattr(measure_claims, "TABLE", tmp_path / "claims.csv")
    monkeypatch.setattr(run_notebooks, "BUILD", tmp_path / "build")
    for name in ("DATABASE_URL", "FACEVALUE_SEED", "FACEVALUE_CLAIMS"):
        monkeypatch.setenv(name, "")
    for seeds in ("2", "3"):
        code = measure_claims.main(["--seeds", seeds])
        assert code == int(seeds == "3")
    table = pd.read_csv(tmp_path / "claims.csv").set_index("claim")
    assert table[["held", "seeds"]].values.tolist() == [[2, 3], [3, 3]]
    assert (table.loc["small", "mean value"], table.loc["small", "least gap"]) == (1, 0)
    assert count.read_text() == "xxx"
    assert "2 claims, 1 of them hold in too few seeds" in capsys.readouterr().out


def test_a_claim_about_yes_and_no_is_summarised():
    claim = {"notebook": "05", "label": "filters changed", "relation": "==", "margin": 0}
    rows = [claim | {"seed": seed, "value": True, "bound": True, "holds": True} for seed in (0, 1)]
    found = measure_claims.summarised(pd.DataFrame(rows)).iloc[0]
    assert (found["mean value"], found["least gap"], found["held"]) == (1, 0, 2)
