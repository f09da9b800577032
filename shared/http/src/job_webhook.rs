//! `POST /api/v1/jobs/<id>/webhook`: sends a job's webhook again.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{self, MethodRouter};
use cutline_core::JobId;
use cutline_core::usecases::ResendWebhook;
use serde::Serialize;

use crate::api::Api;
use crate::error::ApiError;
use crate::jobs::{IdInPath, JobsState, job_id, without_body};
#[cfg(test)]
use crate::openapi::values;
use crate::response::json;
use crate::webhook_status::WebhookStatusBody;

/// The route, without methods if the API does not send webhooks.
pub(crate) fn route(api: &Api) -> MethodRouter {
    match &api.webhook {
        Some(again) => routing::post(resend).with_state(JobsState::new(api, again.clone())),
        None => MethodRouter::new(),
    }
}

/// The answer: the webhook will be sent.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = ResentWebhook))]
pub(crate) struct ResentBody {
    #[cfg_attr(test, schema(schema_with = values::job_id))]
    job_id: JobId,
    #[cfg_attr(test, schema(required))]
    webhook: Option<WebhookStatusBody>,
}

async fn resend(
    State(state): State<JobsState<ResendWebhook>>,
    id: IdInPath,
    request: Request,
) -> Result<Response, ApiError> {
    without_body(&state, request, async |caller| {
        let job = state.use_case.run(&caller.owner, job_id(id)?).await?;
        let body = ResentBody { job_id: job.id, webhook: WebhookStatusBody::new(&job) };
        Ok(json(StatusCode::ACCEPTED, &body))
    })
    .await
}
