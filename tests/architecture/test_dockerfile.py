"""What must hold of the image and of the ways to run it, without a container engine."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNITS = sorted((ROOT / "deploy" / "systemd").glob("cpms-*.service"))
COMMON = ROOT / "deploy" / "systemd" / "cpms-.service.d" / "50-common.conf"
OUR_SERVICES = {"migrate", "web", "gateway", "worker", "beat", "relay"}


def instructions():
    """Pairs of instruction and argument; continued lines are one."""
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    lines = [line for line in joined.splitlines() if line and line[0] not in "# "]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def arguments(name):
    return [argument for word, argument in instructions() if word == name]


def compose():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((ROOT / "deploy" / "compose.yml").read_text())


def unit(path):
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser


def test_the_base_image_is_pinned_to_a_patch_release():
    (base,) = arguments("ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.1[1-9]\.\d+-slim-[a-z]+", base)
    assert {line.split()[0] for line in arguments("FROM")} == {"${PYTHON_IMAGE}"}


def test_the_image_runs_as_an_unprivileged_user():
    last = [argument for word, argument in instructions() if word == "USER"][-1]
    assert last == "cpms"
    after = DOCKERFILE.rpartition("\nUSER cpms")[2]
    assert "USER root" not in after
    assert "COPY" not in after


def test_the_image_takes_nothing_from_the_network_but_hashed_packages():
    assert arguments("ADD") == []
    installs = [run for run in arguments("RUN") if "pip install" in run]
    assert installs
    assert all("--require-hashes" in run for run in installs)
    assert not re.search(r"curl|wget|:latest", DOCKERFILE)
    for name in ("requirements.txt", "requirements-dev.txt"):
        pinned = re.split(r"\n(?=\S)", (ROOT / name).read_text())
        packages = [entry for entry in pinned if not entry.startswith("#")]
        assert packages
        assert not [entry for entry in packages if "==" not in entry.split("\n")[0]]
        assert not [entry for entry in packages if "--hash=sha256:" not in entry]


def test_the_image_keeps_no_secret():
    for argument in arguments("ENV") + arguments("ARG"):
        assert not re.search(r"PASSWORD|SECRET|TOKEN|_KEY", argument)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith("!") and "env" in line]


def test_the_image_tells_its_health_and_answers_signals():
    assert len(arguments("HEALTHCHECK")) == 1
    (command,) = arguments("CMD")
    assert command.startswith("[")  # a shell would keep SIGTERM for itself


def test_every_file_that_the_image_copies_is_let_in_and_there():
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        argument.split()[0]
        for argument in arguments("COPY")
        if not argument.startswith("--from")
    }
    assert copied == allowed
    assert not [name for name in copied if not (ROOT / name).exists()]


def test_compose_has_every_process_and_pins_every_image():
    services = compose()["services"]
    assert set(services) == OUR_SERVICES | {"postgres", "valkey"}
    for name in ("postgres", "valkey"):
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+-\w+", services[name]["image"])
    for name in OUR_SERVICES:
        assert services[name]["image"].startswith("cpms:${CPMS_VERSION:?")


def test_compose_gives_each_process_only_the_address_of_its_own_role():
    services = compose()["services"]
    roles = {"migrate": "owner", "web": "app"}
    for name in OUR_SERVICES:
        role = roles.get(name, "system")
        environment = services[name]["environment"]
        assert environment["CPMS_DATABASE_ROLE"] == role
        urls = [key for key in environment if key.startswith("DATABASE_URL")]
        assert urls == [f"DATABASE_URL_{role.upper()}"]
        assert f"//cpms_{role}:" in environment[urls[0]]


def test_compose_holds_no_secret_and_hardens_what_is_ours():
    services = compose()["services"]
    for service in services.values():
        for name, value in service["environment"].items():
            if re.search(r"PASSWORD|SECRET|_KEY|TOKEN|AUTH", name):
                assert value.startswith("${"), name
            if "://" in value:
                assert ":${" in value, name
    for name in OUR_SERVICES:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
    for name in ("postgres", "valkey", "gateway", "worker"):
        assert services[name]["healthcheck"]["test"]


def test_compose_starts_processes_after_the_migration():
    services = compose()["services"]
    for name in OUR_SERVICES - {"migrate"}:
        after = services[name]["depends_on"]["migrate"]
        assert after == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("example", ["env.example", "cpms.env.example"])
def test_examples_name_secrets_but_give_none(example):
    lines = (ROOT / "deploy" / example).read_text().splitlines()
    for line in lines:
        name, _, value = line.partition("=")
        if not line.startswith("#") and re.search(r"PASSWORD|SECRET|_KEY|TOKEN", name):
            assert value == "", name


def test_compose_variables_stand_in_the_example():
    text = (ROOT / "deploy" / "compose.yml").read_text()
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))
    example = (ROOT / "deploy" / "env.example").read_text()
    assert used == set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))


def test_units_run_the_same_commands_as_compose():
    services = compose()["services"]
    for path in UNITS:
        name = path.stem.removeprefix("cpms-").removesuffix("@")
        program = unit(path)["Service"]["ExecStart"].split()
        assert program[0].startswith("/opt/cpms/.venv/bin/")
        command = services[name]["command"]
        assert Path(program[0]).name == command[0]
        assert program[1:3] == command[1:3]
    assert {path.stem.strip("@").removeprefix("cpms-") for path in UNITS} == (
        OUR_SERVICES
    )


def test_units_are_hardened_by_what_they_share():
    common = unit(COMMON)["Service"]
    assert common["User"] == "cpms"
    assert common["CapabilityBoundingSet"] == ""
    assert common["ProtectSystem"] == "strict"
    for switch in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices"):
        assert common[switch] == "yes"
    # What is shared is read last: it must not undo what a unit says of itself.
    for path in UNITS:
        own = set(unit(path)["Service"]) - {"Environment", "EnvironmentFile"}
        assert not own & set(common), path.name


def test_worker_queues_are_those_of_the_application():
    source = (ROOT / "cpms" / "outbox" / "queues.py").read_text()
    queues = re.search(r"QUEUES: Final = \((?P<names>[^)]*)\)", source)
    names = ",".join(re.findall(r'"([^"]+)"', queues["names"]))
    assert names in (ROOT / "deploy/systemd/cpms-worker.service").read_text()
    assert names in compose()["services"]["worker"]["command"]
