//! `GET /api/v1/account`: what the caller's owner may do, and what it did this month. A key of any scope may ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use cutline_core::OwnerId;
use cutline_core::domain::limits::{MAX_MASK_BYTES, MAX_OPEN_UPLOADS, MAX_PARAM_SETS, MAX_PIXELS};
use cutline_core::domain::usage::EndCounts;
use cutline_core::ports::Keys;
use cutline_core::usecases::{Account, AccountView};
use serde::Serialize;

use crate::api::Api;
use crate::auth;
use crate::error::ApiError;
#[cfg(test)]
use crate::openapi::values;
use crate::response::json;

pub(crate) const PATH: &str = "/api/v1/account";

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

#[derive(Clone)]
struct AccountState {
    keys: Arc<dyn Keys>,
    account: Account,
    max_file_bytes: usize,
}

/// The route, without methods if the API does not serve accounts.
pub(crate) fn route(api: &Api) -> MethodRouter {
    let Some(account) = api.account.clone() else { return MethodRouter::new() };
    let (keys, max_file_bytes) = (api.keys.clone(), api.max_file_bytes);
    get(read).with_state(AccountState { keys, account, max_file_bytes })
}

async fn read(State(state): State<AccountState>, head: Parts) -> Result<Response, ApiError> {
    let owner = auth::owner(state.keys.as_ref(), &head).await?;
    let view = state.account.run(&owner).await?;
    Ok(json(StatusCode::OK, &AccountBody::new(view, state.max_file_bytes)))
}

/// An owner's account. Null means unlimited.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Account))]
pub(crate) struct AccountBody {
    #[cfg_attr(test, schema(value_type = String))]
    owner: OwnerId,
    /// How many more jobs the owner may create.
    #[cfg_attr(test, schema(required))]
    credits: Option<u64>,
    limits: LimitsBody,
    jobs: JobsOfMonthBody,
    /// How long an ended job is kept.
    retention_days: u64,
    version: &'static str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = AccountLimits))]
struct LimitsBody {
    #[cfg_attr(test, schema(required))]
    requests_per_minute: Option<u32>,
    #[cfg_attr(test, schema(required))]
    stored_bytes: Option<u64>,
    file_bytes: usize,
    mask_bytes: u64,
    open_uploads: usize,
    pixels: u64,
    parameter_sets: usize,
}

/// The jobs that ended in a month.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = JobsOfMonth))]
struct JobsOfMonthBody {
    month: String,
    #[serde(flatten)]
    #[cfg_attr(test, schema(value_type = values::EndedJobs))]
    ended: EndCounts,
}

impl AccountBody {
    fn new(view: AccountView, file_bytes: usize) -> Self {
        let AccountView { owner, month, ended, max_stored_bytes, policy } = view;
        Self {
            owner: owner.id,
            credits: owner.credits,
            limits: LimitsBody {
                requests_per_minute: owner.requests_per_minute,
                stored_bytes: max_stored_bytes,
                file_bytes,
                mask_bytes: MAX_MASK_BYTES,
                open_uploads: MAX_OPEN_UPLOADS,
                pixels: MAX_PIXELS,
                parameter_sets: MAX_PARAM_SETS,
            },
            jobs: JobsOfMonthBody { month: month.to_string(), ended },
            retention_days: policy.retention.as_secs() / SECONDS_PER_DAY,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}
