"""Completes moto's access control, so that the functions are limited to their roles.

moto checks signatures, actions and resources of requests signed in a header, for S3, SQS and STS.
This adds, by AWS's documented rules:

- Conditions of the roles' policies (policy.py decides), with the keys that the template uses:
  `dynamodb:LeadingKeys` and `s3:prefix`. moto evaluates conditions of trust policies only.
- DynamoDB: the resource is the table (or its index), and a transaction needs the permission of each
  of its writes. moto compares with "*", which no narrower role could satisfy.
- CloudWatch: signed as `monitoring`, permitted as `cloudwatch`. The signature is not checked, because
  cbor.py rewrites the signed request.
- Lambda: the permission, and not the signature, which moto computes wrongly for requests without a body.
- S3 copies and deletions: a copy needs the permission to read its source, and a deletion of several
  objects that of each. moto checks neither the source nor the keys.
- S3 links signed in the query: the signature, the expiry, and the permissions of the signer's role.
  moto serves any link.
- Preflight requests of browsers to S3, which carry no credentials. The bucket's CORS rules answer them.
- Trust: a session of a role counts as that role. moto compares the session's name.
- Inline policies of roles: moto stores the dict from CloudFormation, but its check parses text.

Not covered: policies of buckets and queues, and S3's 403 in place of 404 for a key that the caller may not list.
"""

import json
import re
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import xmltodict
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from moto.awslambda.responses import LambdaResponse
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.iam.access_control import IAMPolicyStatement, IAMRequest, PermissionResult, S3IAMRequest
from moto.iam.models import Role
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.responses import S3Response
from moto.utilities.utils import get_partition

from policy import Access, concerns

# The values of condition keys of the call that is being checked.
CONTEXT: ContextVar[dict[str, list[str]]] = ContextVar("CONTEXT", default={})


@contextmanager
def condition_keys(keys: dict[str, list[str]]):
    """Sets the condition keys of the checks inside."""
    token = CONTEXT.set(keys)
    try:
        yield
    finally:
        CONTEXT.reset(token)


class CloudWatchRequest(IAMRequest):
    """A CloudWatch request. Its signature and its permissions name the service differently."""

    def check_signature(self):
        pass

    def check_action_permitted(self, resource):
        self._action = self._action.replace("monitoring:", "cloudwatch:")
        super().check_action_permitted(resource)


class LambdaRequest(IAMRequest):
    """A Lambda request. moto computes another signature for requests without a body."""

    def check_signature(self):
        pass


class DynamoRequest(IAMRequest):
    """A DynamoDB request. A transaction is checked item by item."""

    IN_TRANSACTION = {
        "Put": "PutItem",
        "Update": "UpdateItem",
        "Delete": "DeleteItem",
        "ConditionCheck": "ConditionCheckItem",
        "Get": "GetItem",
    }

    def check_action_permitted(self, resource):
        tables = f"arn:{get_partition(self._region)}:dynamodb:{self._region}:{self.account_id}:table/"
        for action, part in self.accesses():
            self._action = f"dynamodb:{action}"
            name = part.get("TableName", "*").rsplit("table/", 1)[-1]
            index = part.get("IndexName")
            keys = self.leading_keys(name, part)
            with condition_keys({"dynamodb:LeadingKeys": keys} if keys else {}):
                super().check_action_permitted(tables + name + (f"/index/{index}" if index else ""))

    def accesses(self):
        """Yields (action, request) for each access of the request."""
        body = json.loads(self._body)
        action = self._action.split(":")[1]
        if "TransactItems" in body:
            for item in body["TransactItems"]:
                for kind, access in item.items():
                    yield self.IN_TRANSACTION[kind], access
        elif "RequestItems" in body:
            for table, keys in body["RequestItems"].items():
                yield action, {"TableName": table, **(keys if isinstance(keys, dict) else {"Writes": keys})}
        else:
            yield action, body

    def leading_keys(self, table: str, part: dict) -> list[str]:
        """Returns the partition keys that an access names, of the table or of its index."""
        name = self.partition_key(table, part.get("IndexName"))
        writes = [request for write in part.get("Writes", []) for request in write.values()]
        items = [part.get("Key"), part.get("Item"), *part.get("Keys", [])]
        items += [write.get("Key") or write.get("Item") for write in writes]
        keys = [value for item in items if item and name in item for value in item[name].values()]
        condition = part.get("KeyConditionExpression")
        if condition:
            names = part.get("ExpressionAttributeNames", {})
            for left, right in re.findall(r"([#\w]+)\s*=\s*(:\w+)", condition):
                if names.get(left, left) == name:
                    keys += part["ExpressionAttributeValues"][right].values()
        return keys

    def partition_key(self, table: str, index: str | None) -> str | None:
        found = dynamodb_backends[self.account_id][self._region].tables.get(table)
        if found is None:
            return None
        schema = found.schema
        if index:
            schema = next((one.schema for one in found.global_indexes if one.name == index), [])
        return next((key["AttributeName"] for key in schema if key["KeyType"] == "HASH"), None)


class CopySourceRequest(S3IAMRequest):
    """The read of a copy's source. Its signature is that of the copy, which is checked on its own."""

    def check_signature(self):
        pass

    def check_action_permitted(self, resource):
        self._action = "s3:GetObject"
        super().check_action_permitted(resource)


class DeletionRequest(S3IAMRequest):
    """A request that deletes several objects of a bucket. Without one of the permissions, it deletes none."""

    def check_action_permitted(self, resource):
        self._action = "s3:DeleteObject"
        objects = xmltodict.parse(self._body, force_list=("Object",))["Delete"]["Object"]
        for key in objects:
            super().check_action_permitted(f"{resource}/{key['Key']}")


class LinkRequest(S3IAMRequest):
    """A request to S3 signed in its query, as a presigned link makes it."""

    def __init__(self, *, headers, path, **rest):
        self._query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
        self._sent = {name.lower(): value for name, value in headers.items()}
        # The base class finds the signer in this header.
        headers = {
            "Authorization": (
                f"AWS4-HMAC-SHA256 Credential={self._query['X-Amz-Credential']},"
                f" SignedHeaders={self._query['X-Amz-SignedHeaders']},"
                f" Signature={self._query['X-Amz-Signature']}"
            )
        }
        if "X-Amz-Security-Token" in self._query:
            headers["X-Amz-Security-Token"] = self._query["X-Amz-Security-Token"]
        super().__init__(headers=headers, path=path, **rest)

    def check_signature(self):
        signed_at = datetime.strptime(self._query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        lifetime = timedelta(seconds=int(self._query["X-Amz-Expires"]))
        if datetime.now(timezone.utc) > signed_at.replace(tzinfo=timezone.utc) + lifetime:
            raise S3AccessDeniedError()
        super().check_signature()

    def _calculate_signature(self):
        signed = self._query["X-Amz-SignedHeaders"].split(";")
        # A link to read that needs further headers works neither in a browser nor with plain curl.
        # One to write needs those that the API announces.
        if (self._method != "PUT" and signed != ["host"]) or not self._sent.keys() >= set(signed):
            raise S3AccessDeniedError()
        query = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
            for name, value in sorted(self._query.items())
            if name != "X-Amz-Signature"
        )
        request = AWSRequest(
            method=self._method,
            url=f"http://{self._sent['host']}{urlsplit(self._path).path}?{query}",
            headers={name: self._sent[name] for name in signed},
        )
        request.context["timestamp"] = self._query["X-Amz-Date"]
        auth = S3SigV4QueryAuth(self._access_key.create_credentials(), self._service, self._region)
        return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


def install() -> None:
    """Installs the checks. They take effect once moto's access control is on."""

    def check_as(request):
        def check(handler, resource="*"):
            handler._authenticate_and_authorize_action(request, resource)

        return check

    DynamoHandler._authenticate_and_authorize_normal_action = check_as(DynamoRequest)
    CloudWatchResponse._authenticate_and_authorize_normal_action = check_as(CloudWatchRequest)
    LambdaResponse._authenticate_and_authorize_normal_action = check_as(LambdaRequest)

    signed_in_header = ActionAuthenticatorMixin._authenticate_and_authorize_s3_action

    def s3(handler, bucket_name=None, key_name=None):
        if handler.method == "OPTIONS":
            return
        s3_arn = f"arn:{get_partition(handler.region)}:s3:::"
        if "X-Amz-Signature" in handler.querystring:
            handler._authenticate_and_authorize_action(LinkRequest, f"{s3_arn}{bucket_name}/{key_name}")
        elif handler.method == "POST" and not key_name and handler.is_delete_keys():
            handler._authenticate_and_authorize_action(DeletionRequest, f"{s3_arn}{bucket_name}")
        else:
            prefix = handler.querystring.get("prefix")
            with condition_keys({"s3:prefix": prefix} if prefix else {}):
                signed_in_header(handler, bucket_name, key_name)
            source = handler.headers.get("x-amz-copy-source")
            if source:
                arn = s3_arn + unquote(source).lstrip("/")
                handler._authenticate_and_authorize_action(CopySourceRequest, arn)

    S3Response._authenticate_and_authorize_s3_action = s3

    check_principal = IAMPolicyStatement._check_principal

    def session_is_role(statement, principal):
        role = re.sub(r":sts::(\d+):assumed-role/([^/]+)/.*", r":iam::\1:role/\2", principal)
        return check_principal(statement, role)

    IAMPolicyStatement._check_principal = session_is_role

    by_moto = IAMPolicyStatement.is_action_permitted

    def with_conditions(statement, action, resource="*", principal=None, incoming_condition_values=None):
        document = statement._statement
        # Trust policies and policies of buckets.
        if "Principal" in document:
            return by_moto(statement, action, resource, principal, incoming_condition_values)
        if not concerns(document, Access(action, resource, CONTEXT.get())):
            return PermissionResult.NEUTRAL
        is_allowed = document["Effect"] == "Allow"
        return PermissionResult.PERMITTED if is_allowed else PermissionResult.DENIED

    IAMPolicyStatement.is_action_permitted = with_conditions

    put_policy = Role.put_policy

    def put_policy_as_text(role, name, document):
        put_policy(role, name, document if isinstance(document, str) else json.dumps(document))

    Role.put_policy = put_policy_as_text
