#!/usr/bin/env python3
"""Cuts the subject out of a photo: uploads the photo, waits for the job, and saves the pictures in `cutouts/`.

    export CUTLINE_URL=http://127.0.0.1:8787   # ends before /api/v1
    export CUTLINE_API_KEY=...
    python3 cutline.py PHOTO [MODE [FORMAT [PARAMS]]]

MODE is clipping (the default), background or params; PARAMS names the parameter set. An empty FORMAT is the default.
Needs Python 3.9 and no packages. Against the original API, only the two variables differ.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path, PurePosixPath
from urllib.parse import urlencode, urlsplit

ATTEMPTS = 5


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Keeps the key from following a redirect to another host."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirects)


def request(url, headers, body=None):
    """Returns the status code and the body. Tries again after a network error, 429 or 5xx."""
    for attempt in range(1, ATTEMPTS + 1):
        delay = 2 ** (attempt - 1)
        try:
            with opener.open(urllib.request.Request(url, body, headers), timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            if attempt == ATTEMPTS or not (error.code == 429 or error.code >= 500):
                return error.code, error.read()
            retry_after = error.headers.get("Retry-After", "")
            delay = min(int(retry_after), 60) if retry_after.isdecimal() else delay
            problem = f"HTTP {error.code}"
        except (OSError, http.client.HTTPException) as error:
            problem = getattr(error, "reason", error)
            if attempt == ATTEMPTS:
                sys.exit(f"cannot reach {urlsplit(url).netloc}: {problem}; check CUTLINE_URL")
        print(f"attempt {attempt} failed: {problem}; next in {delay} s", file=sys.stderr)
        time.sleep(delay)


def api(path, headers=None, body=None):
    """Returns the JSON answer of the API. An error ends the program."""
    url = f"{os.environ['CUTLINE_URL'].rstrip('/')}/api/v1/{path}"
    code, answer = request(url, {"X-API-Key": os.environ["CUTLINE_API_KEY"], **(headers or {})}, body)
    if 200 <= code < 300:
        return json.loads(answer)
    if code == 401:
        sys.exit(f"unauthorized: {json.loads(answer)['message']}; check CUTLINE_API_KEY")
    if code == 402:
        sys.exit("insufficient credits: the account has none left; add credits")
    if code == 422:
        details = json.loads(answer)["details"].items()
        sys.exit("\n".join(["invalid request:", *(f"  {field}: {' '.join(messages)}" for field, messages in details)]))
    sys.exit(f"HTTP {code}: {answer.decode(errors='replace')}")


def upload(photo, fields):
    """Uploads the photo as multipart/form-data. Returns the job's id."""
    boundary, name = uuid.uuid4().hex, photo.name.replace('"', "%22")
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
             for field, value in fields.items() if value]
    parts += [f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
              'Content-Type: application/octet-stream\r\n\r\n'.encode(),
              photo.read_bytes(), f'\r\n--{boundary}--\r\n'.encode()]
    # The same key on every attempt: if an answer is lost, the next attempt does not create a second job.
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Idempotency-Key": str(uuid.uuid4())}
    return api("upload", headers, b"".join(parts))["job_id"]


def wait(job):
    """Polls at growing intervals, 2 to 5 seconds, until the job ends. Returns its status."""
    deadline, interval = time.monotonic() + 1800, 2
    while time.monotonic() < deadline:
        time.sleep(interval)
        interval = min(interval + 1, 5)
        status = api(f"status?{urlencode({'job_id': job})}")
        if status["state"] == "done":
            return status
    sys.exit(f"job {job} has not ended after 30 minutes; ask for its status later")


def main():
    if not 2 <= len(sys.argv) <= 5:
        sys.exit("usage: cutline.py PHOTO [MODE [FORMAT [PARAMS]]]")
    for name in ("CUTLINE_URL", "CUTLINE_API_KEY"):
        if not os.environ.get(name):
            sys.exit(f"{name} is missing; see the head of cutline.py")
    photo = Path(sys.argv[1])
    if not photo.is_file():
        sys.exit(f"cannot read {photo}")

    job = upload(photo, dict(zip(("mode", "output_format", "params"), sys.argv[2:])))
    print(f"job {job}", file=sys.stderr)
    status = wait(job)
    if status["status"] != "done":
        sys.exit(f"job {job} failed: {status['error']['code']}: {status['error']['message']}")

    # Links need no key, and expire within an hour. `final_url` is a single link instead of one for each picture.
    folder = Path("cutouts")
    folder.mkdir(exist_ok=True)
    for link in (status.get("final_urls") or {"final_url": status["final_url"]}).values():
        path = PurePosixPath(urlsplit(link).path)
        code, picture = request(link, {})
        if code != 200:
            sys.exit(f"cannot download {path}: HTTP {code}")
        file = folder / f"{photo.stem}-{path.name}"
        file.write_bytes(picture)
        print(file)


if __name__ == "__main__":
    main()
