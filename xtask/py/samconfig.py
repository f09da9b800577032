"""Prints the parameters with which `sam deploy` works in each environment of samconfig.toml, as JSON.

    python samconfig.py FOLDER

Read by SAM's own code, which splits tags and parameter overrides.
"""

import json
import sys

from samcli.cli.types import CfnParameterOverridesType, CfnTags
from samcli.lib.config.samconfig import SamConfig


def environments(folder: str) -> dict:
    """Returns the parameters by environment."""
    config = SamConfig(folder)
    found = {}
    for name in config.get_stage_configuration_names():
        parameters = dict(config.get_all(["deploy"], "parameters", env=name))
        overrides = parameters.get("parameter_overrides")
        parameters["parameter_overrides"] = (
            CfnParameterOverridesType().convert(overrides, None, None) if overrides else {}
        )
        parameters["tags"] = CfnTags().convert(parameters.get("tags", ""), None, None)
        found[name] = parameters
    return found


if __name__ == "__main__":
    json.dump(environments(sys.argv[1]), sys.stdout, indent=2)
