"""What S3 tells of a new object and moto does not: when it was put there, beside others, and its version."""

import time

from moto.s3 import notifications


def install() -> None:
    """Puts both into moto's events. A later event of any object has a greater sequencer."""
    make = notifications._get_s3_event

    def event(event_name, bucket, key, notification_id):
        made = make(event_name, bucket, key, notification_id)
        told = made["Records"][0]["s3"]["object"]
        told["sequencer"] = f"{time.time_ns():018X}"
        if bucket.versioning_status == "Enabled":
            told["versionId"] = key.version_id
        return made

    notifications._get_s3_event = event
