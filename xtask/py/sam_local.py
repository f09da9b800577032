"""Prints what `sam local invoke` would give each function of the template, as JSON by logical id.

    python sam_local.py TEMPLATE ENV_VARS

SAM's own code reads both files and resolves the environment; only the container that would get it is
missing. Region and credentials come from this program's environment, as with SAM itself.
"""

import json
import logging
import os
import sys

os.environ["SAM_CLI_TELEMETRY"] = "0"

from samcli.commands.local.cli_common.invoke_context import InvokeContext  # noqa: E402
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner  # noqa: E402
from samcli.lib.providers.sam_function_provider import SamFunctionProvider  # noqa: E402
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider  # noqa: E402


def resolve(template: str, env_vars: str) -> dict:
    """Returns the environment, memory and timeout of each function."""
    stacks, _ = SamLocalStackProvider.get_stacks(template)
    runner = LocalLambdaRunner(
        local_runtime=None,
        function_provider=SamFunctionProvider(stacks),
        cwd=os.path.dirname(template),
        real_path=None,
        env_vars_values=InvokeContext._get_env_vars_value(env_vars),
    )
    functions = {}
    for function in runner.provider.get_all():
        config = runner.get_invoke_config(function)
        functions[function.name] = {
            "environment": config.env_vars.resolve(),
            "memory": config.memory,
            "timeout": config.timeout,
        }
    return functions


if __name__ == "__main__":
    # It warns about every reference that it leaves as a logical id.
    logging.disable(logging.WARNING)
    json.dump(resolve(*sys.argv[1:]), sys.stdout, indent=2)
