"""What must hold of every schema of a version, checked on generated payloads."""

import json
from decimal import Decimal

import orjson
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from charge_points.ocpp.encoding import arrange
from charge_points.ocpp.frames import (
    Call,
    CallResult,
    encode_call,
    encode_result,
    parse_frame,
)
from charge_points.ocpp.inbound import Checked, check_result
from charge_points.ocpp.schemas import validate_call, validate_result
from tests.unit.charge_points.ocpp.payloads import payloads

JUNK = st.sampled_from([None, "", "x" * 9000, [], {}, [{}], {"id": "1"}, True])


class Contract:
    """One schema of one version."""

    def __init__(self, version, action, is_result, schema):
        self.version = version
        self.action = action
        self.is_result = is_result
        self.document = schema.document
        self.properties = schema.document["properties"]
        self.required = schema.document.get("required", [])

    def __str__(self):
        return f"{self.action}-{'result' if self.is_result else 'call'}"

    def draw(self, data):
        return data.draw(payloads(self.document))

    def violation(self, payload):
        validate = validate_result if self.is_result else validate_call
        return validate(self.version, self.action, payload)

    def written(self, payload):
        encode = encode_result if self.is_result else encode_call
        return encode(self.version, "id", self.action, payload)

    def survives_the_wire(self, data):
        payload = self.draw(data)
        assert self.violation(payload) is None
        frame = parse_frame(self.written(payload), self.version)
        if self.is_result:
            assert frame == CallResult("id", arrange(payload))
        else:
            assert frame == Call("id", self.action, arrange(payload), "id")
        assert self.violation(frame.payload) is None

    def is_written_in_schema_order(self, data):
        payload = self.draw(data)
        backwards = dict(reversed(payload.items()))
        names = list(orjson.loads(self.written(backwards))[-1])
        assert names == [name for name in self.properties if name in names]
        assert set(names) == {k for k, v in payload.items() if v is not None}

    def needs_its_required_fields(self, data):
        payload = self.draw(data)
        for name in self.required:
            broken = {key: value for key, value in payload.items() if key != name}
            violation = self.violation(broken)
            assert violation.keyword == "required"
            assert repr(name) in violation.description

    def refuses_an_unknown_field(self, data):
        violation = self.violation({**self.draw(data), "noSuchField": 1})
        assert violation.keyword == "additionalProperties"
        assert "'noSuchField'" in violation.description

    def agrees_with_the_slow_validator(self, data):
        payload = self.draw(data)
        if self.properties:
            name = data.draw(st.sampled_from(list(self.properties)))
            payload[name] = data.draw(JUNK)
        slow = Draft4Validator(_exact(self.document))
        assert (self.violation(payload) is None) == slow.is_valid(_exact(payload))

    def understands_null_in_optional_fields(self, data):
        typed = [
            name
            for name, child in self.properties.items()
            if name not in self.required and "type" in child
        ]
        nulled = {**self.draw(data), **dict.fromkeys(typed)}
        checked = check_result(self.version, self.action, nulled)
        assert isinstance(checked, Checked)
        assert not set(checked.payload) & set(typed)


def _exact(value):
    """The slow validator divides binary floats; with Decimals it is right."""
    return json.loads(json.dumps(value), parse_float=Decimal)
