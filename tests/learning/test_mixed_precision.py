"""bfloat16 is used only where the hardware is fast at it."""

from pathlib import Path

import keras
import pytest
from keras import layers

from facevalue.learning import mixed_precision


@pytest.mark.parametrize(("fast", "policy"), [(True, "mixed_bfloat16"), (False, "float32")])
def test_mixed_precision_is_for_machines_that_are_fast_at_it(fast, policy, monkeypatch):
    monkeypatch.setattr(mixed_precision, "bfloat16_is_fast", lambda: fast)
    try:
        assert mixed_precision.use_mixed_precision() == policy
        dense = layers.Dense(2)
        dense.build((None, 3))
        assert dense.compute_dtype == policy.removeprefix("mixed_")
        assert dense.kernel.dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("flags", "fast"),
    [("flags : fpu amx_bf16 amx_int8", True), ("flags : avx512_bf16", True), ("fpu avx2", False)],
)
def test_a_processor_with_bfloat16_instructions_is_fast(flags, fast, monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: flags)
    monkeypatch.setattr(keras.ops, "ones", lambda _: type("Tensor", (), {"device": "CPU:0"}))
    assert mixed_precision.bfloat16_is_fast() == fast
