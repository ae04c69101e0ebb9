"""A responder of certificates' states over real HTTP."""

from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.cache import cache


@pytest.fixture
def responder(settings):
    """Our OCSP responder over real HTTP."""

    def application(environ, start_response):
        length = int(environ["CONTENT_LENGTH"])
        body = environ["wsgi.input"].read(length)
        answers.asked.append(body)
        start_response(answers.status, [("Content-Type", "application/ocsp-response")])
        return [answers.make(body)]

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args):
            pass

    class Answers:
        status = "200 OK"
        asked: list = []
        make = None

    answers = Answers()
    answers.asked = []
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    cache.clear()
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        answers.url = f"http://127.0.0.1:{server.server_port}/ocsp"
        yield answers
        server.shutdown()
        thread.join()
