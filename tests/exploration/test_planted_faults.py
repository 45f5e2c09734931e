"""Precision and recall by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sample_images import noise, plain

from facevalue.exploration import planted_faults


def test_precision_and_recall_by_hand() -> None:
    found = np.array([True, True, True, False, False])
    planted = np.array([True, False, True, True, True])
    result = planted_faults.precision_and_recall(found, planted)
    assert result.to_dict() == {
        **{"found": 3, "planted": 4},
        **{"precision": pytest.approx(2 / 3), "recall": 0.5},
    }
    assert (
        planted_faults.precision_and_recall(found, None)[["planted", "precision", "recall"]]
        .isna()
        .all()
    )
    photos = plain(noise(5))
    assert (
        planted_faults.compare_searches(photos, {"x": (found, "copies")})["precision"].isna().all()
    )
