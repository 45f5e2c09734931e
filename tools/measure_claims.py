"""Run notebooks with many seeds, and write to reports/claims.csv how often each claim holds.

    python tools/measure_claims.py 03            20 seeds of notebook 03
    python tools/measure_claims.py --seeds 5     five seeds of all six

A claim is a `utils.check` of a notebook. With FACEVALUE_CLAIMS set, it notes what it compared
instead of stopping the notebook. Each run's notes are kept in build/claims until the notebook's
code changes, so that an interrupted measurement goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from datetime import date
from pathlib import Path

import nbformat
import pandas as pd
import run_notebooks

from facevalue import paths
from facevalue.evaluation import results
from facevalue.files import write_text

TABLE = paths.root() / "reports" / "claims.csv"
NOTES = run_notebooks.BUILD.parent / "claims"
LEAST = 0.95
"""The share of seeds in which a claim must hold."""


def notes(notebook: Path, seed: int) -> list[dict[str, object]]:
    """Return what the checks of a notebook compared with a seed, running it unless that is known.

    Raises:
        run_notebooks.NotebookError: a cell failed for another reason than a claim.
    """
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    key = hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]
    done = NOTES / f"{notebook.stem}-{key}-{seed}.jsonl"
    if not done.is_file():
        running = done.with_suffix(".part")
        running.parent.mkdir(parents=True, exist_ok=True)
        running.unlink(missing_ok=True)
        os.environ |= {"FACEVALUE_SEED": str(seed), "FACEVALUE_CLAIMS": str(running)}
        run_notebooks.execute(notebook, nbformat.read(notebook, as_version=4), timeout=600)
        running.touch()
        running.rename(done)
    lines = done.read_text("utf-8").splitlines()
    return [{"notebook": notebook.stem, "seed": seed} | json.loads(line) for line in lines]


def summarised(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each claim: what must hold, in how many seeds it did, and its values.

    Args:
        rows: a row for each seed and claim, with the columns notebook, seed, label, value,
            relation, bound, margin and holds.
    """
    table = []
    for (notebook, label), claim in rows.groupby(["notebook", "label"], sort=False):
        values = pd.to_numeric(claim["value"], errors="coerce").astype(float)
        bounds = pd.to_numeric(claim["bound"], errors="coerce").astype(float)
        table.append(
            {
                "notebook": notebook,
                "claim": label,
                "relation": claim["relation"].iloc[0],
                "margin": claim["margin"].iloc[0],
                "mean value": round(values.mean(), 4),
                "mean bound": round(bounds.mean(), 4),
                "least gap": round((values - bounds).abs().min(), 4),
                "seeds": claim["seed"].nunique(),
                "held": int(claim.groupby("seed")["holds"].all().sum()),
            }
        )
    return pd.DataFrame(table)


def main(arguments: list[str] | None = None) -> int:
    """Measure, write and print; return 1 if a claim holds too rarely."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="how the file names start, for example 03")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, from 0")
    options = parser.parse_args(arguments)
    chosen = run_notebooks.choose(options.names)
    run_notebooks.set_defaults(chosen)
    rows = []
    for notebook in chosen:
        for seed in range(options.seeds):
            rows += notes(notebook, seed)
            print(f"{notebook.stem}, seed {seed}: measured", file=sys.stderr, flush=True)
    new = summarised(pd.DataFrame(rows)).assign(
        machine=results.machine(),
        date=date.today().isoformat(),
        command=f"python tools/measure_claims.py --seeds {options.seeds}",
    )
    old = pd.read_csv(TABLE) if TABLE.is_file() else new.head(0)
    others = old[~old["notebook"].isin(new["notebook"])]
    table = pd.concat([others, new]).sort_values("notebook", kind="stable")
    write_text(TABLE, table.to_csv(index=False))
    rare = new[new["held"] < LEAST * new["seeds"]]
    print(f"{len(new)} claims, {len(rare)} of them hold in too few seeds")
    if len(rare):
        print(rare[["notebook", "claim", "held", "seeds"]].to_string(index=False))
    return int(len(rare) > 0)


if __name__ == "__main__":
    sys.exit(main())
