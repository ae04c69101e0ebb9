"""Made-up requests of the schema's shapes to a real web process: no error of ours."""

import re
import subprocess
import sys

import pytest

from tests.factories import accounts
from tests.integration.ops.processes import ROOT, environment, free_port, web

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EXAMPLES_MAX = 3
TIME_MAX_S = 400


def headers_of(who):
    if who == "operator":
        return accounts.api_key(accounts.operator("one"))["Authorization"]
    return accounts.driver().headers["Authorization"]


@pytest.mark.parametrize("who", ["operator", "driver"])
def test_no_request_of_the_schemas_shape_is_an_error_of_ours(
    transactional_db, valkey, tmp_path, who
):
    credential = headers_of(who)
    # A provider that is down.
    provider = {
        "STRIPE_BASE_URL": f"http://127.0.0.1:{free_port()}",
        "STRIPE_API_KEY": "sk_test_1234567890abcdef",
        "STRIPE_WEBHOOK_SECRET": "whsec_1234567890abcdef",
    }
    env = environment(valkey.ensure(), role="app", **provider)
    with web(env, tmp_path) as site:
        done = subprocess.run(
            [
                *[sys.executable, "-m", "schemathesis.cli", "run"],
                str(ROOT / "docs/reference/openapi.yaml"),
                *["--url", site.url, "-H", f"Authorization: {credential}"],
                *["--checks", "not_a_server_error", "--phases", "fuzzing"],
                *["--include-path-regex", f"/{who}/", "--seed", "1"],
                *["--max-examples", str(EXAMPLES_MAX), "--no-color"],
                *["--suppress-health-check", "all"],
                "--continue-on-failure",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIME_MAX_S,
            check=False,
        )
    told = done.stdout[-6000:] + done.stderr[-1000:]
    assert done.returncode in {0, 1}, told
    assert int(re.search(r"(\d+) generated", done.stdout).group(1)) > 50, told
    # "The provider does not answer" (503) is an answer; an error of ours (500) is none.
    assert "[500]" not in done.stdout, told
    assert "Internal Server Error" not in site.log.read_text()
