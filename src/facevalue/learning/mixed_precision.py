"""Computing in bfloat16 where the hardware is fast at it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import keras


def use_mixed_precision() -> str:
    """Let new layers compute in bfloat16 where that is fast, and return the policy's name.

    It is fast on processors with AMX or AVX-512 instructions for it, on TPUs, and on NVIDIA GPUs
    since 2020; elsewhere the policy remains float32. Weights are float32 in both cases. Give the
    last layer `dtype="float32"`, because bfloat16 has only about three significant digits.

    Returns:
        "mixed_bfloat16" or "float32".
    """
    if bfloat16_is_fast():
        keras.config.set_dtype_policy("mixed_bfloat16")
    return str(keras.config.dtype_policy().name)


def bfloat16_is_fast() -> bool:
    """Return whether the device on which Keras computes has instructions for bfloat16."""
    # the device of a new tensor: Keras has no function for it that works on all backends
    device = str(keras.ops.ones(1).device).lower()
    if "tpu" in device:
        return True
    if "gpu" in device or "cuda" in device:
        return _compute_capability() >= 8
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def _compute_capability() -> float:
    """Return the compute capability of the first NVIDIA GPU, or 0 if it is unknown."""
    command = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return float(done.stdout.split()[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return 0.0
