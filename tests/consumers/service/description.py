"""Checks that a document on stdin is OpenAPI, and that every example in it has the shape that it describes.

Prints how many examples there are.
"""

import json
import sys

import jsonschema_rs
from openapi_spec_validator import validate

document = json.load(sys.stdin)
validate(document)
components = document["components"]


def examples(value):
    """Each schema with an example of it."""
    if isinstance(value, list):
        for item in value:
            yield from examples(item)
    elif isinstance(value, dict):
        if "schema" in value and "example" in value:
            yield value["schema"], value["example"]
        for example in value.get("examples", []):
            yield value, example
        for key, item in value.items():
            if key not in ("example", "examples"):
                yield from examples(item)


count = 0
for schema, example in examples(document):
    jsonschema_rs.validate({"components": components, **schema}, example, validate_formats=True)
    count += 1
print(count)
