"""The checksums of the models in the package; tools/ship_models.py writes this file.

A file of checksums beside the models finds damage. It does not find an exchange: whoever can
exchange a model can exchange the file beside it, too. These sums are a part of the code, which is
as trustworthy as wherever it came from.
"""

SHA256 = {
    "accurate.onnx": "38511cdf46253cbc756d9bc94779f75feda474b2059c7afa594606920ae22de4",
    "fast.onnx": "2596a8bf689ac4398211d2a9d68982691abb5c0ae9e4609f2c89b909c1a846c1",
}
"""The SHA-256 sum of each model, by the name of its file."""
