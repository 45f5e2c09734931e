"""Print, and write to reports/recipes.md, what changes to a recipe change.

    facevalue train models/fast.toml
    facevalue train changed.toml
    python tools/bench_recipes.py models/fast.toml changed.toml --photos ../photos

The first recipe is the one that the others change; each has been trained with seed 0. With one
recipe and `--seeds 0 1 2`, its trainings with these seeds are compared. It measures PublicTest,
clean and corrupted, the drawn people and other people's photos; never PrivateTest. The report has a
section for each first recipe, and one for its seeds.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from dataclasses import asdict
from itertools import product
from pathlib import Path

import keras
import pandas as pd
from bench_detection import update
from bench_mixing import measured, prediction, tests

from facevalue import paths
from facevalue.drawing import course_faces
from facevalue.evaluation import fairness, results
from facevalue.files import write_text
from facevalue.learning import recipe, train_recogniser
from facevalue.learning.recipe import Recipe

REPORT = Path("reports") / "recipes.md"

HEAD = """# Changes to the second stage of the recipes

In their second stage, `accurate` and `fast` also learn from spoilt images (models/accurate.toml).
Here, one network was trained several times, each time with other settings; the list below each
table says what each recipe changes. To repeat one, copy the first recipe, change these settings and
the name, and train it; FOLDER holds other people's photos and photos.csv, their labels. "corrupted"
is the mean of the 21 corruptions of the model card, "worst group" that of its drawn people. The
temperature is fitted on PublicTest, so its calibration error there is optimistic. One training of
each, seed 0, in float32: differences of less than half a point may be chance. The settings were
chosen here, so these figures are not those to quote: the model card has those of PrivateTest.

In the first table, `fast` is the recipe before 2026-11-30, and `fast_drawn` is models/fast.toml
since. Side light, gamma and roll (`fast_scene`) bring 2 points on other people's photos, in
accuracy and macro F1, and lower the calibration error there by 3 points; disgust gains 1.7 points,
which is one face of 56, and no other row changes by more than a point. With drawn people (and 0.6
instead of 0.5 of the images spoilt), the groups of other drawn people come together, as far as
drawings can show; fear loses 1.2 points, and disgust one face.

In the second table, `accurate_before` is the recipe before, and `accurate` is models/accurate.toml.
With side light, gamma and roll as well, and 0.6 instead of 0.5 of the images spoilt
(`accurate_scene`), PublicTest is 0.5 points lower than with drawn people alone, and the photos are
no better (0.503 against 0.508). So `accurate` learns from drawn people only: this brings the groups
together, for 0.3 points of PublicTest; fear gains 1.2 points, and no other row is worse by more
than 0.3.

In the third table, `fast_drawn` is models/fast.toml again. `fast_taught` has a third teacher,
`accurate` (seed 0), and `fast_unique` leaves out the 1,234 exact copies within Training. With the
third teacher, accuracy and macro F1 on the photos are a point lower, and no other row differs by
more than half a point. Without the copies, PublicTest is half a point higher and two more of 56
disgusted faces are found, but macro F1 on the photos is a point lower: no more than from one seed
to another. So neither is used.

The last two tables compare three trainings of models/fast.toml and of models/accurate.toml, which
differ in their random numbers only. Most rows differ by less than a point, so smaller differences
in the tables above may be chance, too. Of both, seed 1 is right most often on PublicTest and ships.
"""


def differences(first: Recipe, other: Recipe) -> str:
    """Return the settings in which a recipe differs from the first, but for its name.

    >>> differences(Recipe("a"), Recipe("b", trust=0.5))
    'trust = 0.5'
    """
    # the settings of tables get names such as "spoiling.roll"
    before, after = (
        pd.json_normalize(asdict(plan)).to_dict("records")[0] for plan in (first, other)
    )
    changed = {name: v for name, v in after.items() if name != "name" and before.get(name) != v}
    return ", ".join(f"{name} = {value}" for name, value in changed.items())


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("recipes", nargs="+", type=Path, help="TOML files, trained")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of the trainings (0)")
    parser.add_argument("--photos", type=Path, help="folder of other people's photos")
    options = parser.parse_args()
    if len(options.recipes) > 1 and len(options.seeds) > 1:
        parser.error("Several seeds are compared of one recipe only: name one recipe, or one seed.")
    plans = [recipe.read(file) for file in options.recipes]
    public = course_faces.load("fer2013").split("PublicTest")
    sets, people = tests(public, options.photos), fairness.drawn_groups()
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        for plan, seed in product(plans, options.seeds):
            file = train_recogniser.trained_file(plan.name, seed)
            model = keras.models.load_model(file, compile=False)
            column = plan.name if options.seeds == [0] else f"seed {seed}"
            columns[column] = measured(prediction(model, Path(folder)), sets, people)
    told = pd.DataFrame(columns).to_string(float_format="{:.3f}".format)
    changes = [f"- `{plan.name}`: {differences(plans[0], plan)}" for plan in plans[1:]]
    names = " ".join(file.name for file in options.recipes)
    seeds = "" if options.seeds == [0] else f" --seeds {' '.join(map(str, options.seeds))}"
    photos = " --photos FOLDER" if options.photos else ""
    command = f"python tools/bench_recipes.py {names}{seeds}{photos}"
    printed = f"Printed on {datetime.date.today()} by `{command}` ({results.machine()})."
    print(told, *changes, sep="\n")
    section = "\n".join([printed, "", f"```text\n{told}\n```", "", *changes])
    file = paths.root() / REPORT
    report = file.read_text("utf-8") if file.is_file() else HEAD
    title = f"Seeds of {plans[0].name}" if seeds else plans[0].name
    write_text(file, update(report, title, section))
    return 0


if __name__ == "__main__":
    sys.exit(main())
