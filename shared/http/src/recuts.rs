//! `POST /api/v1/jobs/<id>/recut`: cutting a photograph again with other settings.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{self, MethodRouter};
use cutline_core::domain::job::RecutRefused;
use cutline_core::usecases::{Recut, RecutError, RecutRequest};

use crate::admission::{Admitted, Gate};
use crate::api::Api;
use crate::budget::{BodyBudget, BudgetPermit};
use crate::error::ApiError;
use crate::field::MASK;
use crate::field_errors::FieldErrors;
use crate::jobs::{IdInPath, job_id};
use crate::media_type::MediaType;
use crate::request_body::{Caller, RequestBody};
use crate::responses::accepted_job;
use crate::validate::review::{REVISION, REVISION_REQUIRED};
use crate::{budget, fields, idempotency, validate};

#[derive(Clone)]
struct RecutState {
    gate: Gate,
    recut: Recut,
    budget: Option<BodyBudget>,
}

/// The route, without methods if the API does not serve recuts.
pub(crate) fn route(api: &Api) -> MethodRouter {
    let Some(recut) = api.recut.clone() else { return MethodRouter::new() };
    routing::post(accept).with_state(RecutState { gate: Gate::new(api), recut, budget: api.budget.clone() })
}

/// Accepts a recut. The request is admitted before its body is read.
async fn accept(State(state): State<RecutState>, id: IdInPath, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let Admitted { owner, actor, settings, mut body, usage } = state.gate.admit_reviewer(&head, body).await?;
    let result = async {
        let id = job_id(id)?;
        let key = idempotency::key(&head.headers)?;
        // A mask is held until it is stored.
        let (request, _permit) = state.request(&head.headers, &mut body).await?;
        let recut = Recut { actor, ..state.recut.clone() };
        accepted_job(&recut.run(&owner, settings, id, &request, key.as_ref()).await?)
    };
    let result: Result<Response, ApiError> = result.await;
    if result.is_err() {
        body.drain(state.gate.max_file_bytes, Caller::Known).await;
    }
    Ok(usage.mark(result))
}

impl RecutState {
    /// The request, and the memory of its body.
    async fn request(
        &self,
        headers: &HeaderMap,
        body: &mut RequestBody,
    ) -> Result<(RecutRequest, Option<BudgetPermit>), ApiError> {
        let media_type = MediaType::of_upload(headers)?;
        let max_bytes = self.gate.max_file_bytes;
        let permit = budget::acquire(self.budget.as_ref(), media_type.size_bound(body, max_bytes)?).await?;
        let fields = fields::read(&media_type, body, max_bytes).await?;
        Ok((validate::recut(fields, self.recut.env.undecodable)?, permit))
    }
}

/// The error for a job that is being cut again.
pub(crate) const IN_PROGRESS: ApiError = ApiError::Conflict {
    code: "recut_in_progress",
    message: "The job is being cut again; wait for its next revision, look at the draft and send the request again.",
};

/// The error for a request about an earlier draft.
pub(crate) const STALE: ApiError = ApiError::Conflict {
    code: "stale_revision",
    message: "The job has another revision by now; ask for its status, look at the draft and decide again.",
};

impl From<RecutError> for ApiError {
    fn from(error: RecutError) -> Self {
        match error {
            RecutError::RevisionMissing => {
                let mut faults = FieldErrors::default();
                faults.add(REVISION, REVISION_REQUIRED);
                faults.into()
            }
            RecutError::Refused(RecutRefused::NotHeld) => Self::Conflict {
                code: "not_held",
                message: "The job is not held for review: it is still in progress, or has ended. To cut a done job again as a \
                          new job, leave out revision.",
            },
            RecutError::Refused(RecutRefused::InProgress) => IN_PROGRESS,
            RecutError::Refused(RecutRefused::Stale { .. }) => STALE,
            RecutError::Refused(RecutRefused::TooMany) => Self::Conflict {
                code: "too_many_revisions",
                message: "The job was cut 50 times, which is the most; approve or reject it.",
            },
            RecutError::Failed => Self::Conflict {
                code: "job_failed",
                message: "The job has failed, so there is no cut to correct; repeat it by its path /retry.",
            },
            RecutError::MaskMissing => {
                let mut faults = FieldErrors::default();
                faults.add(MASK, "This job has no mask yet. Send mask, mask_url or mask_key with mask_source=file.");
                faults.into()
            }
            RecutError::MaskMismatch(message) => {
                let mut faults = FieldErrors::default();
                faults.add(MASK, message);
                faults.into()
            }
            RecutError::Rerun(error) => error.into(),
        }
    }
}
