"""The checksums and seeds of the models in the package; tools/ship_models.py writes them.

A file of checksums beside the models finds damage. It does not reveal a swap: whoever can replace a
model can also replace the file beside it. These sums are a part of the code, and as trustworthy as
the place it came from.
"""

SHA256 = {
    "accurate.onnx": "4b51c28f7a6072268c2e9123e3f52956e24eb67109c02c446712d0b6487f4984",
    "fast.onnx": "711557d48cc2b072d3837adfa6f42cbbc9a8d641adf287403980a21085bc3e79",
}
"""The SHA-256 sum of each model, by the name of its file."""

SEEDS = {
    "accurate": 1,
    "fast": 1,
}
"""The seed of the training that each model comes from."""
