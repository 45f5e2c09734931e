"""The checksums of the models in the package; tools/ship_models.py writes this file.

A file of checksums beside the models finds damage. It does not find an exchange: whoever can
exchange a model can exchange the file beside it, too. These sums are a part of the code, which is
as trustworthy as wherever it came from.
"""

SHA256 = {
    "accurate.onnx": "deee324ab33deeb11f0b5519640abe65ba9b0529f9d6479958c7f224722b84cc",
    "fast.onnx": "8842f765562a7307b31166bd1ffd57f7cf5709dc6d6b66e6c8235e5ee6b6ca0f",
}
"""The SHA-256 sum of each model, by the name of its file."""
