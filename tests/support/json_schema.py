"""A small checker of the subset of JSON Schema that docs/openapi.json uses; it refuses what it does not know.

Answers are held to more than the schema says: a member that is not documented is a fault too.
"""
import re

ANNOTATIONS = {"description", "format", "default", "example"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Mismatch(Exception):
    pass


def is_type(value, name):
    if name in ("integer", "number"):
        number = int if name == "integer" else (int, float)
        return isinstance(value, number) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Schemas:
    def __init__(self, document):
        self.document = document
        self.rules = {
            "type": self.type, "enum": self.enum, "const": self.const, "required": self.required,
            "properties": self.properties, "additionalProperties": self.additional, "items": self.items,
            "minItems": self.min_items, "maxItems": self.max_items, "minLength": self.min_length,
            "maxLength": self.max_length, "minimum": self.minimum, "maximum": self.maximum,
            "pattern": self.pattern, "oneOf": self.one_of,
        }

    def resolve(self, thing):
        while "$ref" in thing:
            assert len(thing) == 1, f"members beside $ref: {thing}"
            assert thing["$ref"].startswith("#/")
            target = self.document
            for name in thing["$ref"][2:].split("/"):
                target = target[name]
            thing = target
        return thing

    def check(self, schema, value, where="answer"):
        schema = self.resolve(schema)
        unknown = set(schema) - set(self.rules) - ANNOTATIONS
        assert not unknown, f"{where}: the checker does not know {unknown}"
        for rule, wanted in schema.items():
            if rule in self.rules:
                self.rules[rule](schema, wanted, value, where)

    @staticmethod
    def fail(where, words):
        raise Mismatch(f"{where}: {words}")

    def must(self, good, where, words):
        if not good:
            self.fail(where, words)

    def type(self, _, wanted, value, where):
        names = [wanted] if isinstance(wanted, str) else wanted
        self.must(any(is_type(value, name) for name in names), where, f"{value!r} is not {wanted}")

    def enum(self, _, wanted, value, where):
        self.must(value in wanted, where, f"{value!r} is not one of {wanted}")

    def const(self, _, wanted, value, where):
        self.must(value == wanted, where, f"{value!r} is not {wanted!r}")

    def required(self, _, wanted, value, where):
        for name in wanted if isinstance(value, dict) else []:
            self.must(name in value, where, f"'{name}' is missing")

    def properties(self, _, wanted, value, where):
        for name, member in value.items() if isinstance(value, dict) else []:
            self.must(name in wanted, where, f"'{name}' is not documented")
            self.check(wanted[name], member, f"{where}.{name}")

    def additional(self, _, wanted, value, where):
        assert wanted is False, "only additionalProperties: false is known"

    def items(self, _, wanted, value, where):
        for i, item in enumerate(value) if isinstance(value, list) else []:
            self.check(wanted, item, f"{where}[{i}]")

    def min_items(self, _, wanted, value, where):
        self.must(not isinstance(value, list) or len(value) >= wanted, where, "too few items")

    def max_items(self, _, wanted, value, where):
        self.must(not isinstance(value, list) or len(value) <= wanted, where, "too many items")

    def min_length(self, _, wanted, value, where):
        self.must(not isinstance(value, str) or len(value) >= wanted, where, "too short")

    def max_length(self, _, wanted, value, where):
        self.must(not isinstance(value, str) or len(value) <= wanted, where, "too long")

    def minimum(self, _, wanted, value, where):
        self.must(not is_type(value, "number") or value >= wanted, where, f"{value} is below {wanted}")

    def maximum(self, _, wanted, value, where):
        self.must(not is_type(value, "number") or value <= wanted, where, f"{value} is above {wanted}")

    def pattern(self, _, wanted, value, where):
        self.must(not isinstance(value, str) or re.search(wanted, value), where, f"{value!r} does not match {wanted}")

    def one_of(self, _, wanted, value, where):
        faults = []
        for schema in wanted:
            try:
                self.check(schema, value, where)
            except Mismatch as fault:
                faults.append(str(fault))
        self.must(len(faults) == len(wanted) - 1, where, f"it fits not exactly one: {faults}")
