"""Completes moto's access control, so that the functions are limited to their roles.

moto checks signatures, actions and resources of requests signed in a header, for S3, SQS and STS.
This adds, by AWS's documented rules:

- DynamoDB: the resource is the table (or its index), and a transaction needs the permission of each
  of its writes. moto compares with "*", which no narrower role could satisfy.
- CloudWatch: signed as `monitoring`, permitted as `cloudwatch`. The signature is not checked, because
  cbor.py rewrites the signed request.
- S3 copies and deletions: a copy needs the permission to read its source, and a deletion of several
  objects that of each. moto checks neither the source nor the keys.
- S3 links signed in the query: the signature, the expiry, and the permissions of the signer's role.
  moto serves any link.
- Trust: a session of a role counts as that role. moto compares the session's name.
- Inline policies of roles: moto stores the dict from CloudFormation, but its check parses text.

Not covered: conditions of policies, and policies of buckets and queues.
"""

import json
import re
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import xmltodict
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.dynamodb.responses import DynamoHandler
from moto.iam.access_control import IAMPolicyStatement, IAMRequest, S3IAMRequest
from moto.iam.models import Role
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.responses import S3Response
from moto.utilities.utils import get_partition


class CloudWatchRequest(IAMRequest):
    """A CloudWatch request. Its signature and its permissions name the service differently."""

    def check_signature(self):
        pass

    def check_action_permitted(self, resource):
        self._action = self._action.replace("monitoring:", "cloudwatch:")
        super().check_action_permitted(resource)


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
        for action, table, index in self.accesses():
            self._action = f"dynamodb:{action}"
            name = table.rsplit("table/", 1)[-1]
            super().check_action_permitted(tables + name + (f"/index/{index}" if index else ""))

    def accesses(self):
        """Yields (action, table, index) for each access of the request."""
        body = json.loads(self._body)
        action = self._action.split(":")[1]
        if "TransactItems" in body:
            for item in body["TransactItems"]:
                for kind, access in item.items():
                    yield self.IN_TRANSACTION[kind], access["TableName"], None
        elif "RequestItems" in body:
            for table in body["RequestItems"]:
                yield action, table, None
        else:
            yield action, body.get("TableName", "*"), body.get("IndexName")


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
        self._host = headers["Host"]
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
        # A link that needs further headers works neither in a browser nor with plain curl.
        if self._query["X-Amz-SignedHeaders"] != "host":
            raise S3AccessDeniedError()
        query = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
            for name, value in sorted(self._query.items())
            if name != "X-Amz-Signature"
        )
        request = AWSRequest(
            method=self._method,
            url=f"http://{self._host}{urlsplit(self._path).path}?{query}",
            headers={"host": self._host},
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

    signed_in_header = ActionAuthenticatorMixin._authenticate_and_authorize_s3_action

    def s3(handler, bucket_name=None, key_name=None):
        s3_arn = f"arn:{get_partition(handler.region)}:s3:::"
        if "X-Amz-Signature" in handler.querystring:
            handler._authenticate_and_authorize_action(LinkRequest, f"{s3_arn}{bucket_name}/{key_name}")
        elif handler.method == "POST" and not key_name and handler.is_delete_keys():
            handler._authenticate_and_authorize_action(DeletionRequest, f"{s3_arn}{bucket_name}")
        else:
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

    put_policy = Role.put_policy

    def put_policy_as_text(role, name, document):
        put_policy(role, name, document if isinstance(document, str) else json.dumps(document))

    Role.put_policy = put_policy_as_text
