"""The AWS APIs on a loopback port, for tests: moto, optionally with the project's template deployed.

    python aws.py                      DynamoDB, S3, SQS, STS ... without access control
    python aws.py --deploy TEMPLATE    with the template's resources and access control

With --api ORIGIN, the address of an emulated HTTP API, the template's bucket admits its web pages.

Listens at --listen HOST:PORT, by default at a free port of 127.0.0.1. Prints one line of JSON once it answers (see `deploy` for its fields), then serves until standard
input closes, so that it cannot outlive the test that started it.
"""

import argparse
import json
import os
import re
import socket
import sys
from pathlib import Path

# Never reach a real account, whatever the machine's configuration. moto starts without access control
# and accepts any credentials; `deploy` turns access control on last.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
REGION = "eu-central-1"
os.environ.update(
    AWS_DEFAULT_REGION=REGION,
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_EC2_METADATA_DISABLED="true",
    # Each scenario starts with empty queues; SQS allows one purge a minute.
    MOTO_SQS_ENFORCE_STRICT_QUEUE_PURGE_BEHAVIOUR="false",
    # Pages of other origins may use a bucket only if its CORS rules say so.
    MOTO_DISABLE_GLOBAL_CORS="true",
)

import boto3  # noqa: E402
import requests  # noqa: E402
from moto.cloudformation.parsing import get_model_map  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

import access  # noqa: E402
import account  # noqa: E402
import atomic  # noqa: E402
import cbor  # noqa: E402
import sequence  # noqa: E402
from transform import transform  # noqa: E402

STACK = "cutline"

# Resources that get their logical ids as names. `sam local` resolves a reference to such a resource to that id, so
# functions that it starts find the resource.
NAMES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::SQS::Queue": "QueueName",
}

# Types that moto could create, but that the test replaces.
NOT_CREATED = {
    "AWS::Lambda::EventSourceMapping": "moto would poll the queue and start functions in Docker",
    "AWS::Lambda::LayerVersion": "`sam deploy` uploads its content",
    "AWS::Lambda::Permission": "needs the HTTP API, which moto cannot create from a template",
    "AWS::Route53::RecordSet": "needs the custom domain, which moto cannot create from a template",
    "AWS::Events::Rule": "the schedule; the test invokes the sweep itself",
    "AWS::CloudWatch::Dashboard": "shows the HTTP API, which moto cannot create from a template",
}


def mentions(value, names: set[str]) -> bool:
    """Returns whether a part of the template refers to one of these logical names."""
    if isinstance(value, dict):
        if "Ref" in value:
            return value["Ref"] in names
        if "Fn::GetAtt" in value:
            target = value["Fn::GetAtt"]
            return (target if isinstance(target, str) else target[0]).split(".")[0] in names
        if "Fn::Sub" in value:
            text = value["Fn::Sub"]
            used = re.findall(r"\$\{(\w+)", text if isinstance(text, str) else text[0])
            return not names.isdisjoint(used)
        return any(mentions(part, names) for part in value.values())
    if isinstance(value, list):
        return any(mentions(part, names) for part in value)
    return False


def reduce_to_supported(template: dict) -> dict[str, str]:
    """Removes what moto cannot create; returns each removed logical name with the reason."""
    left_out = {}
    for name, resource in template["Resources"].items():
        kind = resource["Type"]
        if kind in NOT_CREATED:
            left_out[name] = f"{kind}: {NOT_CREATED[kind]}"
        elif kind not in get_model_map():
            left_out[name] = f"{kind}: moto has no model of it"
    for name in left_out:
        del template["Resources"][name]
    gone = set(left_out)
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if "Layers" in properties:
            del properties["Layers"]
        before = resource.get("DependsOn", [])
        before = [before] if isinstance(before, str) else before
        if gone.intersection(before):
            resource["DependsOn"] = [name for name in before if name not in gone]
        if mentions(properties, gone):
            raise SystemExit(f"{name} refers to a resource that moto cannot create")
    for name, output in list(template["Outputs"].items()):
        if mentions(output["Value"], gone):
            del template["Outputs"][name]
            left_out[f"output {name}"] = "refers to one of the above"
    return left_out


def name_by_logical_id(template: dict) -> None:
    """Names the resources of NAMES that the template does not name."""
    for logical, resource in template["Resources"].items():
        if resource["Type"] in NAMES:
            resource.setdefault("Properties", {}).setdefault(NAMES[resource["Type"]], logical)


def notify(template: dict, resources: dict[str, str], s3, sqs) -> None:
    """Configures the buckets' notifications as in the template, which moto does not do by itself.

    `resources` are the physical ids by logical name.
    """
    for name, resource in template["Resources"].items():
        wanted = resource.get("Properties", {}).get("NotificationConfiguration")
        if resource["Type"] != "AWS::S3::Bucket" or not wanted:
            continue
        queues = []
        for queue in wanted["QueueConfigurations"]:
            url = resources[queue["Queue"]["Fn::GetAtt"][0]]
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
            rules = queue["Filter"]["S3Key"]["Rules"]
            queues.append(
                {
                    "QueueArn": attributes["QueueArn"],
                    "Events": [queue["Event"]],
                    "Filter": {"Key": {"FilterRules": rules}},
                }
            )
        s3.put_bucket_notification_configuration(
            Bucket=resources[name], NotificationConfiguration={"QueueConfigurations": queues}
        )


def take_cors(template: dict) -> dict[str, dict]:
    """Removes the buckets' CORS rules for the API's own pages, and returns them by logical name.

    They name the HTTP API, which moto cannot create. The other rules depend on parameters without a value here.
    """
    rules = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::S3::Bucket":
            cors = resource["Properties"].pop("CorsConfiguration")
            [rules[name]] = [rule for rule in cors["CorsRules"] if "Fn::If" not in rule]
    return rules


def admit(origin: str, rules: dict[str, dict], resources: dict[str, str], s3) -> None:
    """Configures the buckets' CORS for pages of this origin. `resources` are the physical ids by logical name."""
    for name, rule in rules.items():
        rule = {
            "AllowedOrigins": [origin],
            "AllowedMethods": rule["AllowedMethods"],
            "AllowedHeaders": rule["AllowedHeaders"],
            "ExposeHeaders": rule["ExposedHeaders"],
            "MaxAgeSeconds": rule["MaxAge"],
        }
        s3.put_bucket_cors(Bucket=resources[name], CORSConfiguration={"CORSRules": [rule]})


def deploy(endpoint: str, path: Path, api: str | None) -> dict:
    """Creates the template's resources and turns access control on. `api` is the origin of the API, if there is one.

    Returns the stack's outputs by name (`outputs`); for each function its environment, memory,
    timeout and credentials of its own role (`functions`, by logical name); credentials of a user
    with all permissions, for the test (`admin`); those of a role with the permissions of the upload
    and status functions, which docs/aws.md describes for a server next to them (`server`); those of a
    role with the policies for workers outside Lambda, as in deploy/workers.yaml (`worker`); and what moto
    could not create (`left_out`).
    """

    def client(service: str):
        return boto3.client(service, endpoint_url=endpoint, region_name=REGION)

    template = transform(path)
    cors = take_cors(template)
    left_out = reduce_to_supported(template)
    name_by_logical_id(template)
    # moto checks that the code exists, although it never runs it.
    client("s3").create_bucket(
        Bucket="not-uploaded", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    client("s3").put_object(Bucket="not-uploaded", Key="artifact.zip", Body=b"")
    iam = client("iam")
    anybody = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
    server = iam.create_role(RoleName="server", AssumeRolePolicyDocument=json.dumps(anybody))["Role"]
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "ServerRoleArn", "ParameterValue": server["Arn"]}],
    )
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise SystemExit(f"moto did not create the stack: {stack}")

    created = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    # moto lists inline policies without ids or type.
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in created
        if "LogicalResourceId" in resource
    }
    notify(template, physical, client("s3"), client("sqs"))
    if api:
        admit(api, cors, physical, client("s3"))
    functions = {}
    for resource in created:
        if resource.get("ResourceType") != "AWS::Lambda::Function":
            continue
        function = client("lambda").get_function_configuration(
            FunctionName=resource["PhysicalResourceId"]
        )
        # CloudFormation makes numbers text, and moto does not.
        environment = {
            name: str(value) for name, value in function["Environment"]["Variables"].items()
        }
        client("lambda").update_function_configuration(
            FunctionName=resource["PhysicalResourceId"], Environment={"Variables": environment}
        )
        functions[resource["LogicalResourceId"]] = {
            "environment": environment,
            "memory": function["MemorySize"],
            "timeout": function["Timeout"],
            "credentials": session(client("sts"), function["Role"]),
        }
        if resource["LogicalResourceId"] in ("UploadFunction", "StatusFunction"):
            role = function["Role"].rsplit("/")[-1]
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                iam.put_role_policy(
                    RoleName="server", PolicyName=policy, PolicyDocument=json.dumps(document)
                )

    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    worker = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(anybody))["Role"]
    for policy in ("WorkerProcessPolicyArn", "WorkerIntakePolicyArn"):
        iam.attach_role_policy(RoleName="worker", PolicyArn=outputs[policy])

    iam.create_user(UserName="admin")
    iam.put_user_policy(
        UserName="admin",
        PolicyName="everything",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
            }
        ),
    )
    key = iam.create_access_key(UserName="admin")["AccessKey"]
    report = {
        "outputs": outputs,
        "functions": functions,
        "admin": {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        },
        "server": session(client("sts"), server["Arn"]),
        "worker": session(client("sts"), worker["Arn"]),
        "left_out": left_out,
    }
    requests.post(f"{endpoint}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
    return report


def session(sts, role: str) -> dict:
    """Returns credentials of a role, named like the environment variables of AWS's SDKs.

    The functions' roles trust the Lambda service only. This takes its part, which works while access
    control is off.
    """
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def check_free(host: str, port: int) -> None:
    """Fails if the address cannot be used: moto would wait for it for ever."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SystemExit(f"cannot listen at {host}:{port}: {error.strerror}; choose another address")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:0")
    parser.add_argument("--deploy", type=Path, metavar="TEMPLATE")
    parser.add_argument("--api", metavar="ORIGIN")
    arguments = parser.parse_args()

    access.install()
    account.install()
    atomic.install()
    cbor.install()
    sequence.install()
    host, _, port = arguments.listen.rpartition(":")
    check_free(host, int(port))
    server = ThreadedMotoServer(ip_address=host, port=int(port), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    report = {"endpoint": endpoint, "region": REGION}
    if arguments.deploy:
        report |= deploy(endpoint, arguments.deploy, arguments.api)
    print(json.dumps(report), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
