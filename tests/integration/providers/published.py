"""The provider's published description as a judge: requests and answers, to the depth.

Requests are judged as they leave: the form is taken apart again and every nested key,
type, enumeration and requirement is compared. Answers are judged with nothing allowed
beyond what the description names; references that it leaves open allow anything.
"""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs

CONTRACT = (
    Path(__file__).resolve().parents[4]
    / "shared"
    / "contracts"
    / "stripe-subset.openapi.json"
)
FORM = "application/x-www-form-urlencoded"
_NAME = re.compile(r"[^\[\]]+")
_INTEGER = re.compile(r"-?\d+")


def unfolded(text):
    """``a[b][0]=1`` as nested mappings; twice the same name is an error."""
    found = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=True):
        *way, last = _NAME.findall(name)
        place = found
        for step in way:
            place = place.setdefault(step, {})
            assert isinstance(place, dict), f"{name}: a value and a group at once"
        assert last not in place, f"{name} is sent twice"
        place[last] = value
    return found


class Published:
    """The description, read once."""

    def __init__(self):
        self.text = json.loads(CONTRACT.read_text())
        self._known = self.text["components"]["schemas"]
        self._definitions = {
            name: self._strict(one) for name, one in self._known.items()
        }
        self._made = {}

    def operation(self, method, path):
        """The path's template and its operation."""
        for template, operations in self.text["paths"].items():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            if re.fullmatch(pattern, path) and method.lower() in operations:
                return template, operations[method.lower()]
        raise AssertionError(f"{method} {path} is not in the description")

    # Requests

    def problems_of_request(self, method, url, body):
        """What is wrong with a request as it was sent; empty when nothing is."""
        parts = urlsplit(url)
        _, operation = self.operation(method, parts.path)
        query = unfolded(parts.query) if parts.query else {}
        asked = {
            each["name"]: each["schema"]
            for each in operation.get("parameters", ())
            if each["in"] == "query"
        }
        wanted = [
            each["name"]
            for each in operation.get("parameters", ())
            if each["in"] == "query" and each.get("required")
        ]
        whole = {"type": "object", "properties": asked, "required": wanted}
        found = list(self._wrong(query, whole, "query"))
        if method == "POST":
            schema = operation["requestBody"]["content"][FORM]["schema"]
            sent = unfolded(body) if body else {}
            found += self._wrong(sent, schema, "body")
        elif body:
            found.append(f"{method} with a body")
        return found

    def _wrong(self, value, schema, place):
        if "anyOf" in schema:
            tried = [list(self._wrong(value, one, place)) for one in schema["anyOf"]]
            if all(tried):
                yield f"{place}: none of the choices fits: {min(tried, key=len)}"
            return
        kind = schema.get("type")
        judge = {"object": self._wrong_object, "array": self._wrong_array}.get(
            kind, self._wrong_text
        )
        yield from judge(value, schema, place)

    def _wrong_object(self, value, schema, place):
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no group"
            return
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{place}.{name} is missing"
        for name, inner in value.items():
            if name in known:
                yield from self._wrong(inner, known[name], f"{place}.{name}")
                continue
            more = schema.get("additionalProperties", False)
            if more is False:
                yield f"{place}.{name} is unknown"
            elif isinstance(more, dict):
                yield from self._wrong(inner, more, f"{place}.{name}")

    def _wrong_array(self, value, schema, place):
        if not isinstance(value, dict) or list(value) != [
            str(n) for n in range(len(value))
        ]:
            yield f"{place}: {value!r} is no list"
            return
        for number, inner in value.items():
            yield from self._wrong(inner, schema["items"], f"{place}[{number}]")

    def _wrong_text(self, value, schema, place):
        if not isinstance(value, str):
            yield f"{place}: a group where a value is wanted"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{place}: {value!r} is not one of {schema['enum']}"
        elif schema.get("type") == "integer" and not _INTEGER.fullmatch(value):
            yield f"{place}: {value!r} is no integer"
        elif schema.get("type") == "boolean" and value not in {"true", "false"}:
            yield f"{place}: {value!r} is no boolean"
        elif schema.get("type") == "number" and not re.fullmatch(
            r"-?\d+(\.\d+)?", value
        ):
            yield f"{place}: {value!r} is no number"

    # Answers

    def problems_of_answer(self, method, path, status, body):
        """What is wrong with an answer; empty when nothing is."""
        _, operation = self.operation(method, path)
        answers = operation["responses"]
        answer = answers.get(str(status), answers["default"])
        return self._invalid(answer["content"]["application/json"]["schema"], body)

    def problems_of_event(self, event):
        """An event, and the object that it is about by that object's own schema."""
        found = self._invalid({"$ref": "#/components/schemas/event"}, event)
        told = event["data"]["object"]
        reference = {"$ref": f"#/components/schemas/{told['object']}"}
        assert told["object"] in self._known, told["object"]
        return found + self._invalid(reference, told)

    def _invalid(self, schema, value):
        key = json.dumps(schema, sort_keys=True)
        if key not in self._made:
            whole = {**self._strict(schema), "$defs": self._definitions}
            self._made[key] = jsonschema_rs.validator_for(whole)
        return [
            f"{list(error.instance_path)}: {error.message[:300]}"
            for error in self._made[key].iter_errors(value)
        ]

    def _strict(self, node):
        """OpenAPI 3.0 as JSON Schema that allows no member beyond the named ones."""
        if isinstance(node, list):
            return [self._strict(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            inner = {"$ref": f"#/$defs/{name}"} if name in self._known else {}
        else:
            inner = {k: self._strict(v) for k, v in node.items() if k != "nullable"}
            if isinstance(node.get("properties"), dict) and node.get("type") == (
                "object"
            ):
                inner["properties"] = {
                    name: self._strict(one) for name, one in node["properties"].items()
                }
                inner.setdefault("additionalProperties", False)
        if node.get("nullable") is True:
            return {"anyOf": [inner, {"type": "null"}]}
        return inner
