"""What moto leaves to chance when two ask at once, and DynamoDB and S3 do not.

moto serves each request in a thread of its own and checks a condition some time before it acts on it. So
two transactions can both spend the last credit, and two writers can both make an object that only one may.
Here one such request is handled after another.
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
    """Puts the lock in place. Neither service has a request that waits for another one."""
    DynamoHandler.call_action = one_at_a_time(DynamoHandler.call_action)
    S3Response.put_object = one_at_a_time(S3Response.put_object)
