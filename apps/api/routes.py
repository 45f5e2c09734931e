"""How the routes are named in the OpenAPI document."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute


class DescribedRoute(APIRoute):
    """A route whose summary is the first line of its function's docstring, and not its name."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Create the route."""
        summary = (inspect.getdoc(endpoint) or "").partition("\n")[0].rstrip(".")
        super().__init__(path, endpoint, **options | {"summary": summary})
