"""Requests that Schemathesis must not send, since it would take their answers for faults."""

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    """An empty value in a query counts as missing, which OpenAPI cannot say of a value that is not text."""
    return all(value not in ("", None, [], {}) for value in (case.query or {}).values())
