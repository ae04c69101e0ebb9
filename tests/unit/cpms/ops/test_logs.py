import io
import json
import logging

import pytest
import structlog

from cpms.ops.logs import configure, mask_text


@pytest.fixture
def logged(settings, monkeypatch):
    """What one logging call writes, as parsed JSON."""
    settings.LOG_JSON = True
    root = logging.getLogger()
    before, level = root.handlers, root.level
    configure()
    stream = io.StringIO()
    monkeypatch.setattr(root.handlers[0], "stream", stream)

    def lines():
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    yield lines
    root.handlers = before
    root.setLevel(level)


@pytest.mark.parametrize(
    "name",
    [
        *("password", "token", "driver_token", "webhook_secret", "api_key"),
        *("Authorization", "Set-Cookie", "private_key_pem", "certificate", "code"),
    ],
)
def test_values_under_names_of_secrets_are_masked(logged, name):
    structlog.get_logger("t").warning("happened", **{name: "geheim", "seen": 1})

    (line,) = logged()
    assert line[name] == "***"
    assert line["seen"] == 1
    assert (line["event"], line["level"], line["logger"]) == (
        "happened",
        "warning",
        "t",
    )
    assert line["timestamp"].endswith("Z")


def test_names_that_only_sound_alike_are_shown(logged):
    structlog.get_logger("t").info("x", error_code="E7", status_code=200, tokens=3)

    (line,) = logged()
    assert (line["error_code"], line["status_code"], line["tokens"]) == ("E7", 200, 3)


def test_secrets_inside_of_values_are_masked(logged):
    structlog.get_logger("t").info(
        "x", request={"headers": [{"authorization": "Basic YWJjZGVmZ2g="}], "n": 1}
    )

    (line,) = logged()
    assert line["request"] == {"headers": [{"authorization": "***"}], "n": 1}


def test_very_deep_values_end_the_search_and_are_not_shown(logged):
    deep = {"password": "geheim"}
    for _ in range(20):
        deep = {"in": [deep]}
    structlog.get_logger("t").info("x", deep=deep)

    (line,) = logged()
    assert line["deep"]["in"]
    assert "geheim" not in json.dumps(line)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent Bearer abcDEF123456.x", "sent Bearer ***"),
        ("with Api-Key pre1234567.secret", "with Api-Key ***"),
        ("at postgresql://me:geheim@host/base", "at postgresql://me:***@host/base"),
        ("at redis://:geheim@host:1/0", "at redis://:***@host:1/0"),
        ("key sk_live_51Habc and whsec_9a8b7c", "key sk_*** and whsec_***"),
        ("jws eyJhbGciOi.eyJqdGki.c2ln-_ brought", "jws *** brought"),
        ("GET /live/00AA11.s3cr3t_x-y/events", "GET /live/***/events"),
        ("POST /pay/00AA11:s3cr3t HTTP/1.1", "POST /pay/*** HTTP/1.1"),
        ("/receipt/00AA11.s3cr3t/pdf", "/receipt/***/pdf"),
        ("GET /c/abcDEF123456/start", "GET /c/***/start"),
        (
            "/account/vehicles/take-over?code=abc&x=1",
            "/account/vehicles/take-over?code=***&x=1",
        ),
        ("GET /q/AB12CD34/start", "GET /q/AB12CD34/start"),
        ("nothing to hide: 12:30 a@b.example", "nothing to hide: 12:30 a@b.example"),
    ],
)
def test_credentials_inside_of_texts_are_masked(text, shown):
    assert mask_text(text) == shown


def test_traces_are_masked_too(logged):
    def connect():
        raise ConnectionError("cannot reach postgresql://me:geheim@host/base")

    try:
        connect()
    except ConnectionError:
        structlog.get_logger("t").exception("failed")
        logging.getLogger("other").exception("failed")

    for line in logged():
        assert "ConnectionError" in line["exception"]
        assert "geheim" not in json.dumps(line)


def test_loggers_of_libraries_go_the_same_way(logged):
    logging.getLogger("lib").warning("token %s", "Bearer abcdefghij")

    (line,) = logged()
    assert line["event"] == "token Bearer ***"
    assert line["level"] == "warning"


def test_the_level_is_a_setting(logged, settings):
    logging.getLogger("lib").debug("hidden")
    logging.getLogger("websockets").info("hidden")

    assert logged() == []


def test_developers_read_lines(settings, monkeypatch, logged):
    settings.LOG_JSON = False
    configure()
    stream = io.StringIO()
    monkeypatch.setattr(logging.getLogger().handlers[0], "stream", stream)

    structlog.get_logger("fresh").warning("happened", password="geheim")

    assert "happened" in stream.getvalue()
    assert "geheim" not in stream.getvalue()


def test_the_web_servers_own_lines_are_masked_too(logged):
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d',
        "::1",
        "GET",
        "/live/00AA11.s3cr3t/events",
        "1.1",
        200,
    )

    (line,) = logged()
    assert line["event"] == '::1 - "GET /live/***/events HTTP/1.1" 200'
    assert line["logger"] == "uvicorn.access"
