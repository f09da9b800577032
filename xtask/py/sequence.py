"""Adds the fields that moto's S3 events lack: the sequencer, which orders writes of a key, and the version."""

import time

from moto.s3 import notifications


def install() -> None:
    """Installs both. A later event of any object has a greater sequencer."""
    make = notifications._get_s3_event

    def complete_event(event_name, bucket, key, notification_id):
        event = make(event_name, bucket, key, notification_id)
        described = event["Records"][0]["s3"]["object"]
        described["sequencer"] = f"{time.time_ns():018X}"
        if bucket.versioning_status == "Enabled":
            described["versionId"] = key.version_id
        return event

    notifications._get_s3_event = complete_event
