"""Adds Lambda's limits of an account to moto: `lambda:GetAccountSettings`, with those of a new account in most regions."""

import json
import re

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

PATH = re.compile(r"/2016-08-19/account-settings/?")

# AWS's default; it starts some accounts with 10.
CONCURRENCY = 1000


def install() -> None:
    """Installs the answer in front of moto."""
    dispatch = DomainDispatcherApplication.__call__

    def call(app, environ, start_response):
        if not PATH.fullmatch(environ["PATH_INFO"]):
            return dispatch(app, environ, start_response)
        limit = {"ConcurrentExecutions": CONCURRENCY, "UnreservedConcurrentExecutions": CONCURRENCY}
        body = json.dumps({"AccountLimit": limit}).encode()
        start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
        return [body]

    DomainDispatcherApplication.__call__ = call
