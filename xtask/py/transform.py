"""template.yaml as CloudFormation would see it: AWS's own SAM translator, run offline.

Used by the template tests, which compare the result with the code, and by aws.py, which deploys it.
As a program it prints the transformed template as JSON, or what `sam build` is told of each function:

    python transform.py TEMPLATE
    python transform.py --builds TEMPLATE
"""

import json
import os
import sys
from pathlib import Path

# The translator asks boto3 for a region. The template must not depend on which.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samcli.yamlhelper import yaml_parse  # noqa: E402
from samtranslator.translator.transform import transform as translate  # noqa: E402

# Where `sam deploy` would have put the code and the layer. Nothing is ever read from there.
UPLOADED = "s3://not-uploaded/artifact.zip"


class NoManagedPolicies:
    """Stands in for the translator's look-up of managed policies: the template names none."""

    def load(self):
        return {}


def transform(path: Path) -> dict:
    """The template with its SAM resources expanded; raises InvalidDocumentException if it cannot be."""
    template = yaml_parse(path.read_text(encoding="utf-8"))
    # `sam build` and `sam deploy` replace local paths by S3 addresses before CloudFormation sees
    # the template, and the translator insists on them.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = UPLOADED
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = UPLOADED
    return translate(template, {}, NoManagedPolicies())


def builds(path: Path) -> dict:
    """By function: its `CodeUri`, and its `Metadata`."""
    resources = yaml_parse(path.read_text(encoding="utf-8"))["Resources"]
    return {
        name: {"code_uri": resource["Properties"].get("CodeUri"), "metadata": resource.get("Metadata")}
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


if __name__ == "__main__":
    *options, template = sys.argv[1:]
    json.dump((builds if options == ["--builds"] else transform)(Path(template)), sys.stdout, indent=2)
