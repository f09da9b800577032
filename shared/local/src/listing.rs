//! Lists of jobs.

use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::job::{Job, JobSummary};
use cutline_core::ports::{JobPage, JobQuery};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::StoreError;

/// A list's query, with its values as the database keeps them.
pub(crate) struct Listing {
    owner: String,
    /// Greater than every id that the list may show.
    before: String,
    external_id: Option<String>,
    limit: usize,
}

/// Greater than every id: ids consist of hexadecimal digits and hyphens.
const AFTER_EVERY_ID: &str = "~";

/// The summary of a job that lists do not show.
const NOT_SHOWN: &str = "";

impl Listing {
    pub(crate) fn of(owner: &OwnerId, query: &JobQuery) -> Self {
        Self {
            owner: owner.to_string(),
            before: query.before.map_or_else(|| AFTER_EVERY_ID.to_owned(), |id| id.to_string()),
            external_id: query.external_id.as_ref().map(ToString::to_string),
            limit: query.limit,
        }
    }

    /// Reads the jobs from an index alone, except for jobs that an earlier version stored: they have no summary.
    pub(crate) fn run(&self, connection: &Connection) -> Result<JobPage, StoreError> {
        let sql = match self.external_id {
            None => "SELECT id, summary FROM jobs WHERE owner = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?4",
            Some(_) => {
                "SELECT id, summary FROM jobs WHERE owner = ?1 AND external_id = ?3 AND id < ?2
                 ORDER BY id DESC LIMIT ?4"
            }
        };
        let mut query = connection.prepare_cached(sql)?;
        // One more tells whether there is a next page.
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1);
        let external_id = self.external_id.as_deref().unwrap_or_default();
        let mut rows = query.query(params![self.owner, self.before, external_id, limit])?;
        let (mut page, mut looked_at, mut last) = (JobPage::default(), 0, None);
        while let Some(row) = rows.next()? {
            if looked_at == self.limit {
                page.next = last;
                return Ok(page);
            }
            looked_at += 1;
            let id = row.get_ref(0)?.as_str().map_err(StoreError::record)?;
            last = Some(id.parse::<JobId>().map_err(StoreError::record)?);
            let summary = match row.get_ref(1)? {
                ValueRef::Null => summary_of_record(connection, id)?,
                summary => match summary.as_str().map_err(StoreError::record)? {
                    NOT_SHOWN => Ok(None),
                    summary => serde_json::from_str(summary).map(Some),
                },
            };
            // One that a newer release wrote must not hide the rest.
            match summary {
                Ok(summary) => page.jobs.extend(summary),
                Err(error) => tracing::warn!(job_id = id, %error, "unreadable job left out of a list"),
            }
        }
        Ok(page)
    }
}

/// The summary of a job from its document.
fn summary_of_record(connection: &Connection, id: &str) -> Result<serde_json::Result<Option<JobSummary>>, StoreError> {
    let mut query = connection.prepare_cached("SELECT document FROM jobs WHERE id = ?")?;
    let document: Option<String> = query.query_row([id], |row| row.get(0)).optional()?;
    let job = document.map(|document| serde_json::from_str::<Job>(&document)).transpose();
    Ok(job.map(|job| job.as_ref().and_then(JobSummary::of)))
}
