"""Settings of the unit tests: figures are drawn without a screen."""

import matplotlib
from web_server import server  # noqa: F401 - a fixture

matplotlib.use("Agg")
