"""Teaches schemathesis to send lines. Whatever is sent, a text or not, is lines to the server."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(_, value):
    return (value if isinstance(value, str) else json.dumps(value)).encode()
