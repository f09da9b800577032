"""Makes moto's conditional writes atomic, as those of DynamoDB and S3 are.

moto serves each request in its own thread and checks a condition some time before the write. Two transactions can
both spend the last credit, and two writers can both create an object. This serializes such requests.
"""

import threading

from moto.dynamodb.responses import DynamoHandler
from moto.s3.responses import S3Response

LOCK = threading.RLock()


def one_at_a_time(method):
    def locked(*args, **kwargs):
        with LOCK:
            return method(*args, **kwargs)

    return locked


def install() -> None:
    """Installs the lock. No request of either service waits for another, so it cannot deadlock."""
    DynamoHandler.call_action = one_at_a_time(DynamoHandler.call_action)
    S3Response.put_object = one_at_a_time(S3Response.put_object)
