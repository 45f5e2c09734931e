"""Face Value: facial emotion recognition, taught in six notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facevalue.recognition.recogniser import Recogniser

__all__ = ["Recogniser"]


def __getattr__(name: str) -> Any:
    """Load the recogniser when it is asked for, so that `import facevalue` stays light."""
    if name == "Recogniser":
        from facevalue.recognition.recogniser import Recogniser

        return Recogniser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
