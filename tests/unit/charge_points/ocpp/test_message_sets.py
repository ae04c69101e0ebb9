from importlib import resources

import pytest

from charge_points.ocpp.message_set import Direction
from charge_points.ocpp.schemas import MESSAGE_SETS
from charge_points.ocpp.v201.messages import BLOCKS
from charge_points.ocpp.versions import V16, V201, VERSIONS


def shipped_schemas(package):
    folder = resources.files("ocpp").joinpath(package, "schemas")
    return {file.name.removesuffix(".json") for file in folder.iterdir()}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_tables_name_every_schema_of_the_package_and_no_other(version):
    messages = MESSAGE_SETS[version]
    named = {
        name
        for message in messages.by_action.values()
        for name in (message.call_schema, message.result_schema)
    }
    assert named == shipped_schemas(messages.schema_package)


@pytest.mark.parametrize(
    ("version", "incoming", "outgoing"), [(V16, 14, 26), (V201, 25, 40)]
)
def test_the_number_of_messages_in_each_direction(version, incoming, outgoing):
    messages = MESSAGE_SETS[version]
    assert len(messages.incoming) == incoming
    assert len(messages.outgoing) == outgoing
    assert messages.incoming & messages.outgoing == {"DataTransfer"}
    assert messages.incoming | messages.outgoing == set(messages.by_action)


def test_a_direction_is_the_one_in_which_the_package_sends_it():
    message = MESSAGE_SETS[V16].by_action["SignCertificate"]
    assert message.direction is Direction.IN
    assert message.group == "Security"
    assert MESSAGE_SETS[V201].by_action["TransactionEvent"].group == "E"


def test_the_functional_blocks_are_a_to_p_and_each_is_used():
    used = {message.group for message in MESSAGE_SETS[V201].by_action.values()}
    assert used == set(BLOCKS) == set("ABCDEFGHIJKLMNOP")


def test_the_profiles_of_1_6():
    assert {message.group for message in MESSAGE_SETS[V16].by_action.values()} == {
        "Core",
        "FirmwareManagement",
        "LocalAuthListManagement",
        "RemoteTrigger",
        "Reservation",
        "Security",
        "SmartCharging",
    }
