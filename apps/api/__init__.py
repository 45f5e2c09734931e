"""The REST API of the image database and the live page: `apps.api.app`, `apps.api.live_app`."""
