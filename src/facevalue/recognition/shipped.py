"""The checksums of the models in the package; tools/ship_models.py writes this file.

A file of checksums beside the models finds damage. It does not find an exchange: whoever can
exchange a model can exchange the file beside it, too. These sums are a part of the code, which is
as trustworthy as wherever it came from.
"""

SHA256 = {
    "accurate.onnx": "4ca7c8760d44f0340b65beca9a550047150b03be8443b6f314625338a3ba8939",
    "fast.onnx": "57e29574369b4ed04055d88a7f7aa61cdcc4fa6258a862a4d37c635e9f36088a",
}
"""The SHA-256 sum of each model, by the name of its file."""
