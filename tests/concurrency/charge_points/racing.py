"""Several threads, each with its own database connection, at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

WAIT_MAX_S = 30


def race(*deeds):
    """Run all deeds at once; returns their results, or the errors they raised."""
    barrier = threading.Barrier(len(deeds))

    def run(deed):
        try:
            connection.ensure_connection()
            barrier.wait(WAIT_MAX_S)
            return deed()
        except Exception as error:  # noqa: BLE001 - the result of this deed
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        futures = [pool.submit(run, deed) for deed in deeds]
        return [future.result(WAIT_MAX_S) for future in futures]
