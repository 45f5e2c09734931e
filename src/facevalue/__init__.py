"""Face Value: facial emotion recognition, as a course in six notebooks and as a recogniser.

from facevalue import Recogniser

Recogniser().photo("photo.jpg")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facevalue.recognition.recogniser import Recogniser

__all__ = ["Recogniser"]


def __getattr__(name: str) -> Any:
    """Import the recogniser on first use, so that `import facevalue` stays fast."""
    if name == "Recogniser":
        from facevalue.recognition.recogniser import Recogniser

        return Recogniser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
