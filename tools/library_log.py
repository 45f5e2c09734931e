"""The log that TensorFlow's C++ libraries write, which looks like errors and is none.

Python runs this file at its start if PYTHONSTARTUP names it. `make lab` sets this for its kernels,
which then show errors and warnings, but not this log.
"""

import re
import sys

LIBRARY_LOG = re.compile(
    r"^(WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:).*\n?", re.MULTILINE
)
"""What they write to stderr on every machine without a graphics card, whatever
TF_CPP_MIN_LOG_LEVEL says."""


def keep_quiet() -> None:
    """Leave this log out of what is written to stderr from now on."""
    stream = sys.stderr
    write = stream.write
    # a kernel's stream passes what C++ code writes to its own `write`
    stream.write = lambda text: write(LIBRARY_LOG.sub("", text))  # type: ignore[method-assign]


if __name__ == "__main__":
    keep_quiet()
