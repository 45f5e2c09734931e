"""Who may use the live page."""

import pytest
from fastapi.testclient import TestClient
from live_helpers import visit
from starlette.websockets import WebSocketDisconnect

from apps.api.live_app import create_live_app


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        "http://testserver.evil.example",
        "http://testserver:81",
        "file://testserver",
        "http://[",
    ],
)
def test_a_page_of_another_site_cannot_open_a_websocket(client, origin):
    headers = {"origin": origin} if origin else {}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/live/frames", headers=headers),
    ):
        pass


def test_a_name_that_is_not_this_machines_is_refused(models, engine):
    client = TestClient(create_live_app(models, engine, hosts=("127.0.0.1", "testserver")))
    rebound = {"host": "evil.example", "origin": "http://evil.example"}
    assert client.get("/", headers=rebound).status_code == 400
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/live/frames", headers=rebound),
    ):
        pass


def test_a_server_for_others_requires_the_token_everywhere(models, engine, picture):
    app = create_live_app(models, engine, token="sesame")
    with TestClient(app, follow_redirects=False) as client:
        for path in ("/", "/live/static/live.js", "/live/fast.onnx", "/video_feed", "/gallery"):
            answer = client.get(path)
            assert answer.status_code == 403
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "sesame" not in answer.text
        assert "requires a token" in client.get("/?token=open").text
        with pytest.raises(WebSocketDisconnect), visit(client):
            pass
        welcome = client.get("/gallery?token=sesame&emotion=sad")
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/gallery?emotion=sad")
        cookie = welcome.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        assert client.get("/").status_code == 200  # by the cookie
        with visit(client) as socket:
            socket.send_bytes(picture)
            assert len(socket.receive_json()["faces"]) == 1


def test_the_token_does_not_lead_to_another_server(models, engine):
    client = TestClient(create_live_app(models, engine, token="t"), follow_redirects=False)
    answer = client.get("http://testserver//evil.example/?token=t")
    assert answer.headers["location"] == "/evil.example/"


@pytest.mark.parametrize("cookie", ["facevalue_token=no", "\x00=;;", "a[b=c; facevalue_token=no"])
def test_a_malformed_cookie_is_not_a_token(models, engine, cookie):
    client = TestClient(create_live_app(models, engine, token="t"))
    assert client.get("/", headers={"cookie": cookie}).status_code == 403
