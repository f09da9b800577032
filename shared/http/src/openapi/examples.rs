//! The examples of bodies: requests and answers as the contract shows them. A test checks each against its schema.

use cutline_core::domain::webhook::WebhookEventKind;
use serde_json::{Map, Value, json};

type Examples = Vec<(&'static str, Value)>;

const KEY: &str = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8c";
const ID: &str = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a";

/// The examples of a media type.
pub(super) fn as_components(examples: Examples) -> Value {
    let component = |(name, value): (&str, Value)| (name.to_owned(), json!({ "value": value }));
    Value::Object(examples.into_iter().map(component).collect::<Map<_, _>>())
}

pub(super) fn uploads() -> Examples {
    let set = json!({ "canvas": {"width": 2_000, "height": 2_000}, "margin": "8%", "variations": ["compose"] });
    vec![
        ("background", json!({ "file_url": "https://example.com/cup.jpg", "mode": "background" })),
        (
            "named_set",
            json!({
                "file_url": "https://example.com/cup.jpg", "mode": "params", "params": "amazon-main",
                "external_id": "order-4711", "metadata": {"sku": "4711"},
            }),
        ),
        ("direct_upload", json!({ "file_key": KEY, "mode": "background" })),
        ("inline_set", json!({ "file_url": "https://example.com/cup.jpg", "mode": "params", "params": set })),
    ]
}

/// Forms without their file, since it is not JSON.
pub(super) fn forms() -> Examples {
    let set = json!({ "mode": "params", "params": "amazon-main", "external_id": "order-4711" });
    vec![("background", json!({ "mode": "background", "output_format": "webp" })), ("named_set", set)]
}

pub(super) fn accepted() -> Examples {
    vec![("accepted", json!({ "job_id": ID, "status": "queued", "mode": "params" }))]
}

pub(super) fn statuses() -> Examples {
    let pending = json!({
        "job_id": ID, "status": "pending_compose", "state": "pending", "mode": "params", "progress": 33, "final_url": null,
    });
    [("pending", pending), ("held", held())].into_iter().chain(ended()).collect()
}

/// A job that is held for review.
pub(super) fn held() -> Value {
    json!({
        "job_id": ID, "status": "pending_review", "state": "pending", "mode": "clipping", "progress": 99,
        "final_url": null,
        "draft": {
            "revision": 1, "deadline": "2026-12-05T12:00:04Z",
            "final_url": "https://cut.example.com/files/jobs/a/clipping.webp?expires=1&signature=2",
        },
        "assets": {}, "confidence": 0.31,
        "attention": [{
            "reason": "low_contrast", "message": "Low contrast along 18 % of the outline.", "box": [212, 80, 640, 410],
        }],
        "warnings": {}, "ignored_variations": [], "pipeline_version": "0.1.0", "expires_at": "2026-11-29T13:00:00Z",
    })
}

/// The same job after a recut.
fn revised() -> Value {
    let mut revised = held();
    revised["draft"]["revision"] = json!(2);
    revised
}

pub(super) fn recut_accepted() -> Examples {
    vec![("accepted", json!({ "job_id": ID, "status": "queued", "mode": "clipping" }))]
}

pub(super) fn approved() -> Examples {
    let review = json!({
        "verdict": "approved", "revision": 1, "by": "key:0a1b2c3d4e5f", "at": "2026-11-29T12:09:00Z",
    });
    vec![("approved", json!({ "job_id": ID, "status": "done", "review": review }))]
}

pub(super) fn rejected() -> Examples {
    let review = json!({
        "verdict": "rejected", "revision": 1, "by": "key:0a1b2c3d4e5f", "at": "2026-11-29T12:09:00Z",
        "reason": "subject", "note": "the handle is missing",
    });
    vec![("rejected", json!({ "job_id": ID, "status": "failed", "review": review }))]
}

pub(super) fn ended() -> Examples {
    let done = json!({
        "job_id": ID, "status": "done", "state": "done", "mode": "params", "params": {"name": "wall"}, "progress": 100,
        "final_url": null,
        "final_urls": {
            "background": "https://cut.example.com/files/jobs/a/background.png?expires=1&signature=2",
            "shadowTop": "https://cut.example.com/files/jobs/a/shadowTop.png?expires=1&signature=2",
        },
        "assets": { "matte": "https://cut.example.com/files/jobs/a/matte.png?expires=1&signature=2" },
        "confidence": 0.934,
        "warnings": { "shadow_wall": ["params not provided"] },
        "ignored_variations": ["shadow_wall"],
        "pipeline_version": "0.1.0",
        "expires_at": "2026-11-29T13:00:00Z",
    });
    let one_link = json!({
        "job_id": ID, "status": "done", "state": "done", "mode": "clipping", "progress": 100,
        "final_url": "https://cut.example.com/files/jobs/a/clipping.webp?expires=1&signature=2",
        "assets": {}, "crop_box": [212, 80, 1_788, 1_920],
        "pixel_check": { "pixels": 2_011_904, "largest_difference": 0 }, "warnings": {}, "ignored_variations": [],
        "pipeline_version": "0.1.0", "expires_at": "2026-11-29T13:00:00Z",
    });
    let failed = json!({
        "job_id": ID, "status": "failed", "state": "done", "mode": "background", "progress": 5, "final_url": null,
        "error": failure(),
    });
    vec![("done", done), ("done_with_one_link", one_link), ("failed", failed)]
}

/// Events of this type.
pub(super) fn events(kind: WebhookEventKind) -> Examples {
    let is_of_kind = |status: &Value| match kind {
        WebhookEventKind::JobDone => status["status"] == "done",
        WebhookEventKind::JobFailed => status["status"] == "failed",
        WebhookEventKind::JobReview => status["draft"]["revision"] == 1,
        WebhookEventKind::JobRevised => status["draft"]["revision"] == 2,
    };
    let event = |data| json!({ "type": kind.as_str(), "timestamp": "2026-11-29T12:00:00Z", "data": data });
    let all = [("held", held()), ("revised", revised())].into_iter().chain(ended());
    all.filter(|(_, status)| is_of_kind(status)).map(|(name, status)| (name, event(status))).collect()
}

fn failure() -> Value {
    json!({
        "code": "source_unreachable", "message": "file_url answered 404 Not Found; check the URL.", "retryable": false,
    })
}

pub(super) fn job_list() -> Examples {
    let done = json!({
        "job_id": ID, "status": "done", "state": "done", "mode": "params", "params": {"name": "wall"},
        "external_id": "order-4711", "metadata": {"sku": "4711"},
        "created_at": "2026-11-29T12:00:00Z", "ended_at": "2026-11-29T12:00:04Z", "confidence": 0.934,
    });
    let failed = json!({
        "job_id": "019cdc54-2673-7c32-b9e5-6e1d36cc9e8b", "status": "failed", "state": "done", "mode": "background",
        "retry_of": ID, "created_at": "2026-11-29T12:01:00Z", "ended_at": "2026-11-29T12:01:09Z", "error": failure(),
    });
    let page = json!({ "jobs": [failed, done], "cursor": "MDE5Y2RjNTQtMjY3My03YzMyLWI5ZTUtNmUxZDM2Y2M5ZThhL2E" });
    vec![("page", page), ("last_page", json!({ "jobs": [] }))]
}

pub(super) fn job() -> Examples {
    let history = json!({
        "created_at": "2026-11-29T12:00:00Z", "ended_at": "2026-11-29T12:00:04Z", "lane": "live", "attempts": 1,
        "timings_ms": {"fetch": 210, "background": 2_400, "compose": 900, "delivery": 80},
        "webhook": webhook(),
        "audit": [{"at": "2026-11-29T12:05:00Z", "actor": "key 0a1b2c3d4e5f", "action": "job_retried", "detail": {"retry": KEY}}],
    });
    let whole = |mut status: Value| {
        if let (Some(status), Some(history)) = (status.as_object_mut(), history.as_object()) {
            status.extend(history.clone());
        }
        status
    };
    ended().into_iter().map(|(name, status)| (name, whole(status))).collect()
}

pub(super) fn set_list() -> Examples {
    let own = json!({
        "name": "Test-Api", "etag": "\"9f86d081884c7d659a2feaa0c55ad015\"", "updated_at": "2026-11-29T12:00:00Z",
        "built_in": false,
    });
    let page = json!({ "params": [own, {"name": "amazon-main", "built_in": true}], "cursor": "b3duL1Rlc3QtQXBp" });
    vec![("page", page)]
}

pub(super) fn set() -> Examples {
    let set = json!({
        "version": 1,
        "canvas": {"width": 2_000, "height": 2_000},
        "background": {"color": "#ffffff"},
        "margin": "8%",
        "variations": ["compose", "shadowTop"],
        "shadow_top": {"opacity": 0.4, "blur": "3%"},
    });
    vec![("catalog", set)]
}

pub(super) fn health() -> Examples {
    vec![("ok", json!({ "status": "ok" }))]
}

fn webhook() -> Value {
    json!({
        "id": format!("msg_{ID}"), "host": "shop.example.com", "state": "delivered", "type": "job.done",
        "attempts": 2, "last_attempt_at": "2026-11-29T12:00:09Z", "last_status": 204,
    })
}

pub(super) fn resent_webhook() -> Examples {
    vec![("resent", json!({ "job_id": ID, "webhook": webhook() }))]
}

pub(super) fn upload_requests() -> Examples {
    let plain = json!({ "content_type": "image/tiff", "size": 48_211_004 });
    let checked = json!({
        "content_type": "image/jpeg", "size": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    });
    vec![("plain", plain), ("checked", checked)]
}

pub(super) fn granted_upload() -> Examples {
    let granted = json!({
        "file_key": KEY, "method": "PUT",
        "upload_url": format!("https://cut.example.com/uploads/{KEY}?expires=1&signature=2"),
        "headers": {"Content-Type": "image/tiff"},
        "expires_at": "2026-11-29T13:00:00Z",
    });
    vec![("granted", granted)]
}

pub(super) fn account() -> Examples {
    let account = json!({
        "owner": "shop-1", "credits": 412,
        "limits": {
            "requests_per_minute": 60, "stored_bytes": null, "file_bytes": 50_000_000,
            "mask_bytes": 10_000_000, "open_uploads": 100,
            "pixels": 50_000_000, "parameter_sets": 1_000,
        },
        "jobs": {"month": "2026-11", "done": 87, "failed": 2, "cancelled": 1},
        "retention_days": 7, "version": "0.1.0",
    });
    vec![("account", account)]
}
