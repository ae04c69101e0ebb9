import subprocess
import sys

from simulators.psp import routes
from simulators.psp.books import SIGNS


def test_no_route_and_no_parameter_can_move_money_to_an_account():
    for route in routes.ROUTES:
        assert "transfers" not in route.path
        for name in route.accepts:
            assert not name.startswith(("transfer_data", "on_behalf_of"))


def test_the_books_know_no_transfer():
    assert not [name for name in SIGNS if "transfer" in name]


def test_every_route_is_found_by_its_own_path():
    for route in routes.ROUTES:
        path = route.path.replace("{", "").replace("}", "")
        found = routes.find(route.method, path)
        assert found is not None
        assert found[0] is route
    assert routes.find("GET", "/v1/payment_intents/a/b/c") is None
    assert routes.find("PATCH", "/v1/payment_intents") is None


def test_the_simulator_imports_nothing_of_the_system():
    code = (
        "import sys, simulators.psp\n"
        "inside = {'cpms', 'charge_points', 'billing', 'settlement', 'django'}\n"
        "found = inside & {name.partition('.')[0] for name in sys.modules}\n"
        "sys.exit(str(found) if found else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
