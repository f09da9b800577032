"""Expands template.yaml as CloudFormation would, with AWS's SAM translator, offline.

The template tests compare the result with the code; aws.py deploys it. As a program, prints the
expanded template as JSON, or the build settings of each function, or a template without functions as
it is:

    python transform.py TEMPLATE
    python transform.py --builds TEMPLATE
    python transform.py --plain TEMPLATE
"""

import json
import os
import sys
from pathlib import Path

# The translator needs a region. The template must not depend on it.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samcli.yamlhelper import yaml_parse  # noqa: E402
from samtranslator.translator.transform import transform as translate  # noqa: E402

# Stands for the address to which `sam deploy` uploads code and layer. Nothing is read from it.
UPLOADED = "s3://not-uploaded/artifact.zip"


class NoManagedPolicies:
    """Replaces the translator's look-up of managed policies: the template names none."""

    def load(self):
        return {}


def transform(path: Path) -> dict:
    """Returns the expanded template; raises InvalidDocumentException if it is invalid."""
    template = yaml_parse(path.read_text(encoding="utf-8"))
    # The translator insists on the S3 addresses that `sam deploy` would put in place of local paths.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = UPLOADED
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = UPLOADED
    return translate(template, {}, NoManagedPolicies())


def builds(path: Path) -> dict:
    """Returns the `CodeUri` and `Metadata` of each function."""
    resources = yaml_parse(path.read_text(encoding="utf-8"))["Resources"]
    return {
        name: {"code_uri": resource["Properties"].get("CodeUri"), "metadata": resource.get("Metadata")}
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def plain(path: Path) -> dict:
    """Returns a template as it is, with the long forms of its functions."""
    return yaml_parse(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    *options, template = sys.argv[1:]
    result = {"--builds": builds, "--plain": plain}.get("".join(options), transform)
    json.dump(result(Path(template)), sys.stdout, indent=2)
