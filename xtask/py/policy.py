"""Decides whether policies permit an access, by AWS's documented rules, conditions included.

access.py asks this for every call of a function. As a program, answers questions about the roles of a template:

    python policy.py TEMPLATE < questions.json

A question is {"role", "action", "resource", "context"}: the logical id of a role, and what a call asks for. Resources
are named by logical id, as in `Table`, `Table/index/due` or `Bucket/sources/1`. `context` holds the values of condition
keys, each a list. Prints a list of booleans.

An operator or a key form that is not implemented is an error, not a guess.
"""

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

SET_OPERATORS = ("ForAllValues:", "ForAnyValue:")


class Access(NamedTuple):
    """What a call asks for."""

    action: str
    resource: str
    # The values of condition keys. A key that the call does not have is absent.
    context: dict[str, list[str]]


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def is_like(pattern: str, text: str, ignore_case: bool = False) -> bool:
    """Returns whether a pattern with `*` and `?` matches the whole text."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def compare(operator: str, wanted: list[str], value: str) -> bool:
    """Returns whether a value of the call satisfies one of the wanted values."""
    if operator == "StringEquals":
        return value in wanted
    if operator in ("StringLike", "ArnLike", "ArnEquals"):
        return any(is_like(pattern, value) for pattern in wanted)
    if operator == "Bool":
        return value.lower() in (str(one).lower() for one in wanted)
    raise ValueError(f"unsupported condition operator: {operator}; implement it in policy.py")


def holds(operator: str, key: str, wanted, context: dict[str, list[str]]) -> bool:
    """Returns whether one line of a condition holds."""
    wanted = [str(one) for one in as_list(wanted)]
    values = {name.lower(): values for name, values in context.items()}.get(key.lower())
    if operator == "Null":
        is_absent = not values
        return is_absent == (wanted == ["true"])
    quantifier = next((prefix for prefix in SET_OPERATORS if operator.startswith(prefix)), "")
    operator = operator.removeprefix(quantifier)
    if operator.endswith("IfExists"):
        operator = operator.removesuffix("IfExists")
        if not values:
            return True
    if quantifier == "ForAllValues:":
        # True of no values at all, which is why such a condition needs a `Null` beside it.
        return all(compare(operator, wanted, value) for value in values or [])
    if not values:
        return False
    if not quantifier and len(values) != 1:
        raise ValueError(f"{key} has {len(values)} values; the condition needs ForAllValues or ForAnyValue")
    return any(compare(operator, wanted, value) for value in values)


def concerns(statement: dict, access: Access) -> bool:
    """Returns whether action, resource and conditions of a statement match the access."""
    if "NotAction" in statement or "NotResource" in statement:
        raise ValueError("unsupported element: NotAction or NotResource; implement it in policy.py")
    if not any(is_like(action, access.action, ignore_case=True) for action in as_list(statement["Action"])):
        return False
    if not any(is_like(resource, access.resource) for resource in as_list(statement["Resource"])):
        return False
    return all(
        holds(operator, key, wanted, access.context)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def permits(statements: list[dict], access: Access) -> bool:
    """Returns whether the statements permit the access: one allows it and none denies it."""
    effects = {statement["Effect"] for statement in statements if concerns(statement, access)}
    return effects == {"Allow"}


# ---- roles of a template


def resolved(value):
    """Replaces references to resources by their logical ids."""
    if isinstance(value, dict):
        if "Fn::GetAtt" in value:
            return value["Fn::GetAtt"][0]
        if "Fn::Sub" in value:
            return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", value["Fn::Sub"])
        if "Ref" in value:
            return value["Ref"]
        return {name: resolved(part) for name, part in value.items()}
    if isinstance(value, list):
        return [resolved(part) for part in value]
    return value


def statements_of(template: dict, role: str) -> list[dict]:
    """Returns all statements of a role: its own policies and those that name it."""
    resources = template["Resources"]
    policies = list(resources[role]["Properties"].get("Policies", []))
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in resource["Properties"]["Roles"]:
            policies.append(resource["Properties"])
    documents = (policy["PolicyDocument"] for policy in policies)
    return [resolved(statement) for document in documents for statement in as_list(document["Statement"])]


def main() -> None:
    from transform import transform

    template = transform(Path(sys.argv[1]))
    answers = []
    for question in json.load(sys.stdin):
        access = Access(question["action"], question["resource"], question.get("context", {}))
        answers.append(permits(statements_of(template, question["role"]), access))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
