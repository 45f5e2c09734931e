"""Update models/MODEL_CARD.md: every number in it is measured here or comes from reports/.

    python tools/model_card.py

It takes a few minutes, and needs FER-2013; the FER+ votes are used if they are in the same folder,
and other people's photos if --photos names their folder. The same files give the same card. Beside
it, tools/failing_faces.py draws where_it_fails.png.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from bench_detection import block, interval
from bench_recogniser import REPORT, fer2013, scores, text, without_copies
from tqdm import tqdm

from facevalue import Recogniser, emotions, paths
from facevalue.data import ferplus
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import fairness, metrics, records, robustness
from facevalue.exploration import second_opinion
from facevalue.files import write_text
from facevalue.learning import new_faces
from facevalue.learning.curves import curve_file
from facevalue.learning.worn_glasses import wear_glasses
from facevalue.recognition import recogniser, shipped

CARD = "MODEL_CARD.md"
PRIVATE, PHOTOS, DRAWINGS = "PrivateTest", "other people's photos", "drawn faces"
"""The tests of the overview."""
GLASSES, BARE = "with painted glasses", "the same without"
RATERS = "FER+"
GLASSES_SEED = 1
"""Not the seed of the glasses that a training adds."""

Tests = dict[str, tuple[np.ndarray, np.ndarray]]
"""Images, uint8, (n, 48, 48), and labels, by the name of the test."""

DRAWN = 10_000
"""Training images of the drawn set of which the PrivateTest images are used."""

INTRODUCTION = """
# Model card: the Face Value recognisers

Two networks that look at a picture of a face, 48 x 48 grey levels, and give a probability to each
of seven emotions: {emotions}.
If in doubt, take `fast`, which is smaller and faster ("Which of the two"). They predict the word
that people who label photos would choose, not what somebody feels. They are for learners, teachers
and developers who want a small recogniser whose weaknesses are known; they are not for judging
people.

```python
from facevalue import Recogniser

recogniser = Recogniser("fast")
recogniser(face)  # a dict from emotion to probability
recogniser.photo(image)  # finds the faces first
```

The networks learn from FER-2013's Training images. Their settings are chosen on PublicTest, with a
look at other people's photos; PrivateTest measures the result ("Versions" names one exception).
There are two stages: in the first, a network learns from faces that fill a clean picture; in the
second also from spoilt pictures (blurred, noisy, compressed), from faces with painted glasses and
from drawn people. At the end, the network's last layer alone is trained again, and the scores are
divided by a temperature, chosen on PublicTest, so that the probabilities are calibrated. Of three
trainings the one ships that is right most often on PublicTest, so accuracy and calibration error
there are optimistic. "Recipe" has all settings, and [the glossary](../docs/glossary.md) explains
the terms.

Written by `python tools/model_card.py`. A number here was measured by that command, on the files
that the section Files lists, or is quoted from reports/ with its own date and machine.
"""

HOW_RIGHT = """The share of faces whose emotion is named as their label says, with its 95 % interval
(Wilson's). PrivateTest comes from the same image search as the training images. Other people's
photos are a sample of https://github.com/muxspace/facial_expressions, labelled by students; of
each, the largest face that YuNet finds is cropped. No model was trained on them, but the crop's
margin (on half of them, reports/detection.md) and the settings of the second stage
(reports/recipes.md, mixing.md and targets.md) were chosen with a look at them. Their labels are
noisy. There are about 60 of each emotion, but 21 of fear, so disgust is nearly as frequent as
happiness here; "as frequent as there" weights the emotions as often as they occur in PrivateTest.
The corrupted row is the mean of the 21 corruptions in "What spoils it". On faces of your own,
expect what the photos show, not what PrivateTest shows."""

WHICH = """`accurate` minus `fast`, in accuracy on the same images, with the 95 % interval of the
difference; if it includes 0, the difference may be chance. "FER+" takes the answer of the majority
of ten people as the truth ("Numbers"). `fast` is a tenth of the size and six
times as fast ("Speed"), so take it if in doubt, above all for video on a small machine. `accurate`
is the default of `Recogniser()`, because on photos its time hardly counts."""

FAILS = """
## Where it fails

![Drawn faces that fast names rightly, and below each the same face with one change, for which it
gives another answer](where_it_fails.png)

*Drawn faces. Above: the emotion that was drawn, which `fast` names. Below: the same face with one
change, and what `fast` answers.*

- Other people's photos are harder than PrivateTest: see the table above. On them, both networks
  call many surprised and neutral faces angry: see the tables of other people's photos.{unsure}
- They cannot tell that a crop holds no face: {blank}
- On average over three strengths, blur, noise and JPEG compression cost most: see "What spoils it".
- On FER-2013, they take fear for sadness, anger and neutral, and sadness for neutral: see the
  tables of confusion.
- Disgust is rare in FER-2013 (547 of 35,887 images), and on other people's photos they hardly ever
  find it: see the table above.
- Whether they are equally right about everybody is not known: drawings, on which they nearly are
  ("Whom it wrongs"), cannot show it.
- They were trained on frontal faces that fill the picture: a wide crop or a turned head costs
  accuracy.
- They know seven words. A face shows more, mixes them, and often shows nothing of what is felt;
  what people read in a face depends on where they live and on the situation, which a crop does not
  show.
- They see single pictures: in a video, an answer may change from frame to frame. `facevalue live`
  and the live page show a moving average with a time constant of 0.3 seconds.
"""

VERSIONS = """Each column is one version of a model's file, with the date of its first measurement
and what was new. "corrupted" is the mean of the 21 corruptions, "worst group" that of the drawn
people of "Whom it wrongs" (beards and headwear were added on 2026-11-30, and change no earlier
figure). "FER+" is explained under "Numbers". "painted glasses" are drawn onto the PrivateTest
photos in which YuNet finds the eyes (`facevalue.learning.worn_glasses`, seed 1); "the same without"
are the same photos, unchanged; "-" was not measured. This card's command measures all, and keeps
them in reports/recogniser_versions.csv. "seed 1" is another training by the recipe of "drawn
people", chosen on PublicTest (reports/recipes.md). Before the version "last layer" ("glasses,
layer" of `fast`, where the painted glasses and the last layer were new), two other settings of the
last layer were measured on PrivateTest, so the figures of PrivateTest are slightly optimistic from
then on: consensus 0.2 (`accurate` 0.714, `fast` 0.704; other people's photos 0.513, 0.529), and
consensus 0.1 without balance (0.719, 0.707; 0.508, 0.521)."""

VERSIONS_FILE = Path("reports") / "recogniser_versions.csv"
WORSE = 0.005
"""A smaller loss from one version to the next is not listed."""

SHOWN_CORRUPTIONS = (("blur", 2), ("noise", 2), ("JPEG", 2))
"""Corruptions with rows of their own among the versions, and their strength."""

DATA = """
## Data

FER-2013 (Goodfellow and others 2013, https://arxiv.org/abs/1307.0414):
{counts}.
The photos came from an image search for words of emotion, and one person put each under a word.
Settings were chosen on PublicTest and with a look at other people's photos; those of the last layer
were also compared on PrivateTest (see "Versions"). Beside the label, the networks learnt how ten
people had voted on each Training image, FER+ (Barsoum and others 2016,
https://arxiv.org/abs/1608.01041); of PrivateTest they saw neither. At the end, the last layer was
trained again. These votes made up a tenth of each target, and 6.4 % of the Training images were
left out: those whose label none of the ten people chose, while more than 70 % of them agreed on
another answer (reports/targets.md says what that changes). {copies}
PrivateTest images are, pixel by pixel, also in Training; the numbers "without copies" leave them
out.

The labels are noisy: of near copies, 6 to 8 in 100 carry different ones, and people who tried were
right in 65 of 100, give or take 5 (Goodfellow and others). A number near 1.0 is neither to be
expected nor to be believed.

The drawn faces are the project's own (`facevalue.drawing`). Of the images of the second stage, one
in 21 shows a drawn person who is old, has dark skin or a beard, or wears glasses or a headscarf
(`facevalue.learning.drawn_people`); those on which the networks are measured are others. They are
drawings, never mixed with photos in a number, and serve to change one thing at a time.
"""

TRAINED = """Each was trained on two CPU cores without a GPU, with PyTorch as Keras's backend. Hours
are the epochs times the median epoch, without the time to train its teachers
(reports/curves; of a model that ships, the curve of its seed, and of the others that of seed 0)."""

NUMBERS = """One crop, one model, nothing averaged. Chance is {chance:.3f} on PrivateTest, by always
saying "{common}". "FER+" takes the PrivateTest images on whose emotion more than half of ten people
agreed, contempt left out, and their answer as the truth. "drawn faces" are the PrivateTest part of
the course's drawn set, a tenth of it. The calibration error is the expected one
in ten steps of confidence: how far "80 % sure" is from being right in 80 of 100. "by chance" is
the error that a model exactly as right as it is sure would show on so few images, on average."""

SURE = (0.0, 0.5, 0.7, 0.9)
UNSURE = 0.6
WHEN_TO_SHOW = """Show an answer only if the network is sure. Of other people's photos, those whose
most probable emotion has at least this probability, and the share of them that is named as its
label says:"""

INTERFACE = """Both are in src/facevalue/recognition/weights.

Input: float32 (n, 48, 48, 1), grey levels divided by 255; a face fills the picture, as YuNet's box
made square, eyes level (`facevalue.recognition.cropping`). Output: float32 (n, 7), calibrated
probabilities of {emotions}."""

CONFUSION = "Rows are the labels, columns the answers, in images of {test}."

CALIBRATION = """The images of {test}, grouped by the model's confidence: their mean confidence, how
often the model is right, and how many there are."""

ROBUSTNESS = """Accuracy on FER-2013's PrivateTest when each image is corrupted, at three strengths
(`facevalue.evaluation.robustness`, seed 0; an image of 48 x 48 has 2,304 pixels, so noise and blur
weigh more than on a photo, which is averaged when a face is cut out of it)."""

SEEDS = """Each training of a model begins from other random numbers; "count" is the number of
trainings. The table gives the mean and the spread (standard deviation) of the accuracy: of one
crop, of the mean answer to a face and its mirror image, and of the mean answer of all trainings
together; a single training has no spread. `accurate` and `fast` go on from seed 0 of
`accurate_clean` and `fast_clean`, so their spread is that of the second stage only. Because their
trainings begin with the same weights, these can be averaged, too (a soup, Wortsman and others 2022,
https://arxiv.org/abs/2203.05482): compared with the mean of their accuracies, that brings `fast`
less than half a point and `accurate` nothing, and on PublicTest it is no better than the training
that ships, so it does not ship. All are .keras files, in float32; fast.onnx computes in 8 bits, and
its figures are in "Numbers". `first` is a teacher of `accurate_clean`, `accurate` and `fast`.
`ferplus` is the recipe of `first` with the eight emotions of FER+ as labels, trained and tested on
the images whose raters agree, and does not ship. Each training is in reports/seeds.csv; of
`accurate`, seed {accurate} ships, and of `fast`, seed {fast}: those that are right most often on
PublicTest."""

FAIRNESS = """Drawn people: {n}, each with a clear expression, the same in every group but for the
one thing that the row names; they are easier than the "drawn faces" of "How right it is", which are
also turned, badly lit, blurred or covered. low and high bound the 95 % interval (Wilson's). Both
networks learnt from drawn people, too, though not from these: this table shows what they can do on
such drawings. A drawing has no culture and no history, and its skin is a grey level: that a model
treats drawings alike does not show that it treats people alike. FER-2013 records neither age, nor
gender, nor origin, so that on photos this could not be tested at all."""

GAPS = """How far the worst group is below the best, compared person by person, with the 95 %
interval of the difference. If it includes 0, the difference may be chance."""

USES = """
## Meant for

- Learning how such models are built, measured and misread; that is what the course is for.
- Your own face, by your own click; pictures of people who have agreed to it and know what for.
- Research on the model itself: its mistakes, calibration and bias.

## Not to be used for

- People at work or in education: the EU's AI Act, article 5(1)(f), forbids inferring emotions there
  (since 2 February 2025; medical and safety reasons excepted). A class that uses this course works
  with drawn faces, or each learner with their own face; it does not watch its pupils.
- Decisions about people: hiring, grading, insurance, credit, policing, borders, health, lies.
- People who do not know or have not agreed. Where emotion recognition is lawful, article 50(3)
  requires that people who are exposed to it are told (since 2 August 2026).
- Watching crowds, targeting advertisements, or anything that keeps faces or ties them to names.

Consent means: asked before, told what happens to the picture, free to say no, and free to take it
back. The project's demos run on your own machine, and write no frame to the disk unless you click
to save it.

"""

LICENCE = """
## Licence

The code and these weights: MIT, like the project. FER-2013 and FER+ keep their own terms; the
project contains no image of either. The people in FER-2013 were not asked. Their photos were found
by an image search; many of them pose or act.
"""


def card(
    names: Sequence[str], faces: int = 350, photos: Path | None = None, change: str = ""
) -> tuple[str, pd.DataFrame]:
    """Return the whole card, and the figures of all versions of the models.

    Args:
        names: models to describe, of `recogniser.NAMES`.
        faces: drawn people in each group.
        photos: the folder of other people's photos, with photos.csv.
        change: what is new in these files, as in `versions`.
    """
    data = fer2013()
    models = {name: Recogniser(name) for name in names}
    private = data.split("PrivateTest")
    kept = without_copies(data)
    sets = tests(data, kept, photos)
    images, groups = fairness.drawn_groups(faces)
    spoilt, wronged, gaps = {}, {}, {}
    answers: dict[tuple[str, str], np.ndarray] = {}
    own: list[str] = []
    for name, model in models.items():
        print(f"measuring {name}", file=sys.stderr, flush=True)
        for kind, (pictures, _) in tqdm(sets.items(), desc=f"{name}, tests"):
            answers[name, kind] = model.probabilities(pictures)
        for kind in (PRIVATE, PHOTOS):
            if kind in sets:
                own += by_class(name, kind, sets[kind][1], answers[name, kind])
        spoilt[name] = robustness.robustness(model.probabilities, private.images, private.labels)
        right = model.probabilities(images).argmax(axis=1) == groups["label"].to_numpy()
        wronged[name] = fairness.by_group(right, groups[["attribute", "group"]])
        gaps[name] = fairness.gaps(right, groups)
    numbers = {
        key: scores(sets[key[1]][1], p) | {"by chance": metrics.calibration_error_by_chance(p)}
        for key, p in answers.items()
    }
    share = np.bincount(private.labels) / len(private)
    prose = NUMBERS.format(chance=share.max(), common=EMOTIONS[int(share.argmax())])
    table = pd.DataFrame(numbers).T.rename_axis(["model", "test"]).astype({"images": int})
    counts = [f"{len(data.split(part)):,} {part}" for part in ("Training", "PublicTest")]
    figures = versions(models, sets, answers, spoilt, wronged, change)
    parts = [
        INTRODUCTION.format(emotions=", ".join(EMOTIONS)),
        "## How right it is\n\n" + block(HOW_RIGHT, overview(sets, answers, spoilt)),
        when_to_show(sets, answers),
        "## Which of the two\n\n" + block(WHICH, compared(sets, answers))
        if len(models) > 1
        else "",
        FAILS.format(blank=blank(models), unsure=unsure(sets, answers)),
        USES,
        "## Whom it wrongs\n\n" + block(FAIRNESS.format(n=faces), wronged_table(wronged)),
        block(GAPS, gaps_table(gaps)),
        "## What spoils it\n\n" + block(ROBUSTNESS, spoilt_table(spoilt)),
        "## Versions\n\n" + block(VERSIONS, versions_table(figures)),
        where_worse(figures),
        "## Numbers\n\n" + block(prose, text(table)),
        *own,
        seeds(),
        *quoted(),
        DATA.format(
            counts=f"{', '.join(counts)} and {len(private):,} PrivateTest images",
            copies=int((~kept).sum()),
        ),
        recipe(),
        files(models),
        LICENCE,
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n", figures


def overview(
    sets: Tests, answers: dict[tuple[str, str], np.ndarray], spoilt: dict[str, pd.DataFrame]
) -> str:
    """Return the accuracy of each model on the tests that tell most, and the rarest recall."""
    names = [name for name, kind in answers if kind == "PrivateTest"]
    disgust = EMOTIONS.index("disgust")
    rows: dict[str, dict[str, str]] = {}
    for kind in (PRIVATE, PHOTOS, DRAWINGS):
        if kind not in sets:
            continue
        labels = sets[kind][1]
        rare = labels == disgust
        rows[f"{kind}, {len(labels):,}"] = row = {}
        hits = {name: answers[name, kind].argmax(axis=1) == labels for name in names}
        for name, right in hits.items():
            row[name] = f"{right.mean():.3f} ({interval(right)})"
            row[f"{name}, disgust found"] = f"{right[rare].sum()} of {rare.sum()}"
        if kind == PRIVATE:
            means = {name: spoilt[name]["accuracy"].iloc[1:].mean() for name in names}
            rows["the same, corrupted"] = {name: f"{mean:.3f}" for name, mean in means.items()}
        if kind == PHOTOS:
            weights = np.bincount(sets[PRIVATE][1])[labels] / np.bincount(labels)[labels]
            rows["the same, as frequent as there"] = {
                name: f"{np.average(right, weights=weights):.3f}" for name, right in hits.items()
            }
    columns = [*names, *(f"{name}, disgust found" for name in names)]
    return str(pd.DataFrame(rows).T[columns].fillna("").to_string())


def compared(sets: Tests, answers: dict[tuple[str, str], np.ndarray]) -> str:
    """Return how much more often the first model is right than the second, on each test."""
    first, second = list(dict.fromkeys(name for name, _ in answers))
    rows = {}
    for kind in (PRIVATE, f"{PRIVATE}, {RATERS}", f"{PRIVATE}, {GLASSES}", PHOTOS):
        if kind in sets:
            labels = sets[kind][1]
            right = (answers[name, kind].argmax(axis=1) == labels for name in (first, second))
            difference, low, high = metrics.paired_difference(*right)
            rows[kind] = {"images": len(labels), "difference": difference, "low": low, "high": high}
    return text(pd.DataFrame(rows).T.astype({"images": int}))


def when_to_show(sets: Tests, answers: dict[tuple[str, str], np.ndarray]) -> str:
    """Return how often sure and unsure answers to other people's photos are right."""
    if PHOTOS not in sets:
        return ""
    labels, rows = sets[PHOTOS][1], {}
    for (name, kind), p in answers.items():
        if kind != PHOTOS:
            continue
        right, sure = p.argmax(axis=1) == labels, p.max(axis=1)
        for least in SURE:
            shown = sure >= least
            rows[name, f"{least:.1f} or more"] = {
                "photos": shown.sum(),
                "right": f"{right[shown].mean():.2f} ({interval(right[shown])})",
            }
    return block(WHEN_TO_SHOW, pd.DataFrame(rows).T.to_string())


def blank(models: dict[str, Recogniser]) -> str:
    """Return a sentence on what the models answer to a crop all of one grey level."""
    found = []
    for name, model in models.items():
        p = model.probabilities(np.full((1, 48, 48), 128, np.uint8))[0]
        found.append(f"`{name}` answers {EMOTIONS[p.argmax()]} with a probability of {p.max():.1f}")
    return f"to a crop all of one grey level,\n  {', '.join(found)}."


def unsure(sets: Tests, answers: dict[tuple[str, str], np.ndarray]) -> str:
    """Return a sentence on how often unsure answers to other people's photos are right."""
    found = []
    for (name, kind), p in answers.items():
        sure = p.max(axis=1)
        low = sure < UNSURE
        if kind == PHOTOS and low.any():
            right, mean = (p.argmax(axis=1) == sets[kind][1])[low].mean(), sure[low].mean()
            found.append(
                f"of those of `{name}`, {right:.2f} are right (mean probability {mean:.2f})"
            )
    head = f"\n  Answers with a probability below {UNSURE} promise too much:\n  "
    return head + ",\n  ".join(found) + "." if found else ""


def summary(
    sets: Tests,
    answers: dict[str, np.ndarray],
    spoilt: pd.DataFrame,
    wronged: pd.DataFrame,
    test: str = PRIVATE,
) -> dict[str, float]:
    """Return the figures by which versions of a model are compared.

    Args:
        sets: the tests.
        answers: the model's probabilities by the name of the test.
        spoilt: as `robustness` returns it, on `test`.
        wronged: the accuracy by group of drawn people.
        test: the test whose figures are told in full.
    """
    found: dict[str, float] = {}
    worn = (f"{test}, {GLASSES}", f"{test}, {BARE}")
    for kind in ("PublicTest", PRIVATE, f"{test}, {RATERS}", *worn, PHOTOS, DRAWINGS):
        if kind in sets:
            numbers = scores(sets[kind][1], answers[kind])
            found[f"{kind}, accuracy"] = numbers["accuracy"]
            if kind in (test, PHOTOS):
                found[f"{kind}, macro F1"] = numbers["macro F1"]
                found[f"{kind}, calibration error"] = numbers["calibration error"]
    labels = sets[test][1]
    right = answers[test].argmax(axis=1) == labels
    for emotion in ("fear", "disgust"):
        found[f"{test}, recall of {emotion}"] = right[labels == EMOTIONS.index(emotion)].mean()
    found[f"{test}, corrupted"] = spoilt["accuracy"].iloc[1:].mean()
    found["the same, calibration error"] = spoilt["calibration_error"].iloc[1:].mean()
    for corruption, strength in SHOWN_CORRUPTIONS:
        row = spoilt[(spoilt["corruption"] == corruption) & (spoilt["strength"] == strength)]
        found[f"the same, {corruption}, {row['setting'].item()}"] = row["accuracy"].item()
    best, worst = wronged["accuracy"].max(), wronged["accuracy"].min()
    found["drawn people, worst group"] = worst
    found["drawn people, worst group below the best"] = best - worst
    return found


def versions(
    models: dict[str, Recogniser],
    sets: Tests,
    answers: dict[tuple[str, str], np.ndarray],
    spoilt: dict[str, pd.DataFrame],
    wronged: dict[str, pd.DataFrame],
    change: str = "",
) -> pd.DataFrame:
    """Return the figures of all versions of the models: of these files, and of earlier ones.

    Args:
        models, sets, answers, spoilt, wronged: what `summary` needs, by the name of the model.
        change: what is new in these files; empty to keep what is known of them.
    """
    file = paths.root() / VERSIONS_FILE
    kept = pd.read_csv(file) if file.is_file() else pd.DataFrame()
    for name, model in models.items():
        sha256 = hashlib.sha256(model.file.read_bytes()).hexdigest()[:12]
        known = kept[kept["sha256"] == sha256] if len(kept) else kept
        date = known["date"].iloc[0] if len(known) else datetime.date.today().isoformat()
        new = change or (known["new"].iloc[0] if len(known) else "")
        own = {kind: given for (model_name, kind), given in answers.items() if model_name == name}
        figures = summary(sets, own, spoilt[name], wronged[name])
        rows = pd.DataFrame({"figure": figures.keys(), "value": figures.values()})
        rows = rows.assign(model=name, date=date, sha256=sha256, new=new).round(5)
        kept = pd.concat([kept[kept["sha256"] != sha256] if len(kept) else kept, rows])
    return kept[["model", "date", "sha256", "new", "figure", "value"]]


def versions_table(kept: pd.DataFrame) -> str:
    """Return a table for each model with a column for each version, the older ones first."""
    parts = []
    for name, rows in kept.groupby("model"):
        columns = ["date", "sha256", "new"]
        table = rows.fillna({"new": ""}).pivot_table("value", "figure", columns, sort=False)
        told = table.rename_axis(None).to_string(float_format="{:.3f}".format, na_rep="-")
        parts.append(f"{name}\n{told}")
    return "\n\n".join(parts)


def where_worse(kept: pd.DataFrame) -> str:
    """Return a line for each model with the figures in which its last version is worse."""
    lines = []
    for name, rows in kept.groupby("model", sort=False):
        table = rows.pivot_table("value", "figure", "sha256", sort=False)
        for words, earlier in (("the version before", -2), ("the first version", 0)):
            if table.shape[1] < (2 if earlier else 3):
                continue  # there is none, or it was told already
            change = table.iloc[:, -1] - table.iloc[:, earlier]
            lower_is_better = change.index.str.contains("error|below the best")
            worse = change[change.where(~lower_is_better, -change) < -WORSE]
            names = worse.index.str.replace("^the same,", "PrivateTest, corrupted,", regex=True)
            told = "; ".join(f"{n} ({v:+.4f})" for n, v in zip(names, worse, strict=True))
            lines.append(f"- `{name}`, than {words}: {told or 'nowhere'}.")
    head = f"Where the last version is worse by more than {WORSE}:"
    return "\n".join([head, "", *lines]) if lines else ""


def files(models: dict[str, Recogniser]) -> str:
    """Return the table of the files with their sizes and checksums."""
    rows = []
    for model in models.values():
        content = model.file.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        rows.append(f"| {model.file.name} | {len(content) / 1e6:.2f} MB | `{checksum}` |")
    head = ["| file | size | sha256 |", "| --- | --- | --- |"]
    interface = INTERFACE.format(emotions=", ".join(EMOTIONS))
    return "\n".join(["## Files", "", *head, *rows, "", interface])


def recipe() -> str:
    """Return the recipes in models/*.toml, or "" if there are none."""
    files = sorted((paths.root() / "models").glob("*.toml"))
    parts = []
    for file in files:
        seed = f" --seed {shipped.SEEDS[file.stem]}" if file.stem in shipped.SEEDS else ""
        command = f"`facevalue train models/{file.name}{seed}`"
        parts.append(f"{command}:\n\n```toml\n{file.read_text('utf-8').strip()}\n```")
    hours = training_hours([file.stem for file in files])
    return "\n\n".join(["## Recipe", *parts, hours]) if parts else ""


def training_hours(names: Sequence[str]) -> str:
    """Return how long each recipe was trained, according to the curve of the seed that ships.

    Of recipes whose network does not ship, it is the curve of seed 0.
    """
    rows = {}
    for name in names:
        kept = curve_file(f"{name}-{shipped.SEEDS.get(name, 0)}", "fer2013", "full")
        if kept.is_file():
            curve = pd.read_csv(kept)
            rows[name] = {"epochs": len(curve), "hours": records.duration(curve) / 3600}
    if not rows:
        return ""
    table = pd.DataFrame(rows).T.astype({"epochs": int})
    return block(TRAINED, table.to_string(float_format="{:.1f}".format))


def tests(data: Dataset, kept: np.ndarray, photos: Path | None) -> Tests:
    """Return the images and labels of each test by name."""
    public, private = data.split("PublicTest"), data.split("PrivateTest")
    sets = {
        "PublicTest": (public.images, public.labels),
        "PrivateTest": (private.images, private.labels),
        "PrivateTest without copies": (private.images[kept], private.labels[kept]),
        **glasses_tests(private, PRIVATE),
    }
    opinion = second_opinion.second_opinion(data)
    if opinion.votes is not None:
        answers = ferplus.targets(opinion.votes).drop(columns="contempt")
        agreed = answers[answers.sum(axis=1) > 0]
        agreed = agreed[data.splits[agreed.index] == "PrivateTest"]
        names = [emotions.number(name) for name in agreed.columns]
        labels = np.array(names)[agreed.to_numpy().argmax(axis=1)]
        sets[f"PrivateTest, {RATERS}"] = (data.images[agreed.index], labels)
    drawn = course_faces.load("rendered", DRAWN).split("PrivateTest")
    sets[DRAWINGS] = (drawn.images, drawn.labels)
    if photos is not None:
        found = new_faces.photos(photos)
        sets[PHOTOS] = (found.images, found.labels)
    return sets


def glasses_tests(data: Dataset, test: str) -> Tests:
    """Return the faces onto which glasses could be painted, with and without them."""
    rows, worn = wear_glasses(data.images, GLASSES_SEED)
    labels = data.labels[rows]
    return {f"{test}, {GLASSES}": (worn, labels), f"{test}, {BARE}": (data.images[rows], labels)}


def by_class(name: str, test: str, labels: np.ndarray, probabilities: np.ndarray) -> list[str]:
    """Return the sections by class, the confusion matrix and the calibration of one model."""
    title = f"`{name}` on {test}"
    guesses = probabilities.argmax(axis=1)
    matrix = pd.crosstab(labels, guesses).reindex(
        index=range(len(EMOTIONS)), columns=range(len(EMOTIONS)), fill_value=0
    )
    matrix = matrix.set_axis(EMOTIONS).set_axis(EMOTIONS, axis=1)
    classes = text(metrics.report(labels, guesses))
    sure = metrics.calibration(labels, probabilities).dropna()
    return [
        f"### {title}, by class\n\n```text\n{classes}\n```",
        f"### {title}: what it confuses\n\n"
        + block(CONFUSION.format(test=test), matrix.to_string()),
        f"### {title}: how sure it is\n\n" + block(CALIBRATION.format(test=test), text(sure)),
    ]


def seeds() -> str:
    """Return the mean and spread of all trainings, or "" if none was measured."""
    file = paths.root() / "reports" / "seeds.csv"
    if not file.is_file():
        return ""
    rows = pd.read_csv(file, dtype={"seed": str})
    ways = rows.groupby(["model", "test", "answer"], sort=False)
    table = ways[["accuracy"]].agg(["count", "mean", "std"])
    told = table.to_string(float_format="{:.4f}".format, na_rep="-")
    return "## How much is luck\n\n" + block(SEEDS.format(**shipped.SEEDS), told)


def spoilt_table(found: dict[str, pd.DataFrame]) -> str:
    """Return the accuracy by corruption and setting, with a column for each model."""
    key = ["corruption", "strength", "setting"]
    columns = {name: table.set_index(key)["accuracy"] for name, table in found.items()}
    table = pd.DataFrame(columns).reset_index().drop(columns="strength")
    return str(table.to_string(index=False, float_format="{:.3f}".format))


def wronged_table(found: dict[str, pd.DataFrame]) -> str:
    """Return accuracy and interval by group, for each model."""
    key = ["attribute", "group", "faces"]
    columns = {
        name: table.set_index(key)[["accuracy", "low", "high"]] for name, table in found.items()
    }
    return str(pd.concat(columns, axis=1).to_string(float_format="{:.3f}".format))


def gaps_table(found: dict[str, pd.DataFrame]) -> str:
    """Return the differences of worst and best group, a row for each model and attribute."""
    table = pd.concat(found, names=["model", None]).droplevel(1).set_index("attribute", append=True)
    table.loc[table["difference"] == 0, ["best", "worst"]] = "-"
    return text(table)


def quoted() -> list[str]:
    """Return the sections on speed and on other packages from reports/recogniser.md."""
    report = REPORT.read_text("utf-8") if REPORT.is_file() else ""
    found = [re.search(rf"^## {name}\n.*?(?=^## |\Z)", report, re.M | re.S) for name in QUOTED]
    return [match.group(0).strip() for match in found if match]


QUOTED = ("Speed", "Beside fer")


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--models", nargs="+", choices=recogniser.NAMES, default=recogniser.NAMES)
    parser.add_argument("--faces", type=int, default=350, help="drawn people in each group")
    parser.add_argument("--photos", type=Path, help="folder of the real photos")
    parser.add_argument("--change", default="", help="what is new in these files, in a few words")
    parser.add_argument("--print", action="store_true", help="print it instead of writing it")
    options = parser.parse_args()
    written, figures = card(options.models, options.faces, options.photos, options.change)
    if options.print:
        print(written, end="")
    else:
        write_text(paths.root() / VERSIONS_FILE, figures.to_csv(index=False))
        write_text(paths.root() / "models" / CARD, written)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped: the card is unchanged.")
