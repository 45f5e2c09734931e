"""The REST API of the image database; `python -m apps.api` starts it on port 8080."""

from apps.api.app import create_app

__all__ = ["create_app"]
