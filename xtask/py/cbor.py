"""Adds CloudWatch's CBOR protocol to moto, which speaks JSON only. AWS's SDK for Rust uses CBOR.

botocore's model of the service translates each request to JSON and each successful answer back.
"""

import io
import json
import re

import botocore.session
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

OPERATION = re.compile(r"/service/(GraniteServiceVersion20100801)/operation/(\w+)")


def epochs(value):
    """Returns the data with times as numbers, for JSON."""
    if isinstance(value, dict):
        return {name: epochs(part) for name, part in value.items()}
    if isinstance(value, list):
        return [epochs(part) for part in value]
    return value.timestamp() if hasattr(value, "timestamp") else value


def install() -> None:
    """Installs the translation in front of moto."""
    model = botocore.session.get_session().get_service_model("cloudwatch")
    parser, serializer = RpcV2CBORParser(), RpcV2CBORSerializer()
    dispatch = DomainDispatcherApplication.__call__

    def call(app, environ, start_response):
        named = OPERATION.fullmatch(environ["PATH_INFO"])
        if not named:
            return dispatch(app, environ, start_response)
        target, operation = named.groups()
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        request = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
        body = json.dumps(epochs(request)).encode()
        environ |= {
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "REQUEST_URI": "/",
            "CONTENT_TYPE": "application/x-amz-json-1.0",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_AMZ_TARGET": f"{target}.{operation}",
            "wsgi.input": io.BytesIO(body),
        }
        began = []
        answer = b"".join(dispatch(app, environ, lambda *head: began.append(head)))
        status, headers = began[0][:2]
        if not status.startswith("200"):
            start_response(status, headers)
            return [answer]
        encoded = bytearray()
        shape = model.operation_model(operation).output_shape
        if shape:
            serializer._serialize_data_item(encoded, json.loads(answer), shape)
        start_response(
            status,
            [
                ("content-type", "application/cbor"),
                ("smithy-protocol", "rpc-v2-cbor"),
                ("content-length", str(len(encoded))),
            ],
        )
        return [bytes(encoded)]

    DomainDispatcherApplication.__call__ = call
