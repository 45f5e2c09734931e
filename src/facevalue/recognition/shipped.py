"""The checksums of the models in the package; tools/ship_models.py writes this file.

A file of checksums beside the models finds damage. It does not find an exchange: whoever can
exchange a model can exchange the file beside it, too. These sums are a part of the code, which is
as trustworthy as wherever it came from.
"""

SHA256 = {
    "accurate.onnx": "1ffcf9c27bcd18359b55a5b011d3e716bd354c7e90e95b0d7daed495e6b1f78b",
    "fast.onnx": "3a97a7f59f600789318e32b9a681c199974d6b6a458c1ace64e54325a4827ab2",
}
"""The SHA-256 sum of each model, by the name of its file."""
