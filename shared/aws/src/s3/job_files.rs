//! Deleting the objects of a job. In a bucket with versions, their older versions stay until the bucket's own rules
//! delete them.

use async_trait::async_trait;
use aws_sdk_s3::types::{Delete, Error, ObjectIdentifier};
use cutline_core::StorageKey;
use cutline_core::domain::ids::{JobId, LeaseToken};
use cutline_core::ports::{JobFiles, PortError};

use super::S3Bucket;
use crate::error::{AwsError, fault, is_transient};

const DELETE: &str = "s3:DeleteObjects";
const LIST: &str = "s3:ListObjectsV2";

/// The most keys that S3 takes in one request.
const MAX_KEYS: usize = 1_000;

#[async_trait]
impl JobFiles for S3Bucket {
    async fn delete(&self, job: JobId) -> Result<(), PortError> {
        let inputs = StorageKey::inputs(job).map(|key| key.to_string()).into();
        self.delete_with(inputs, &[results_of(job), StorageKey::masks(job)]).await
    }

    async fn delete_outputs(&self, job: JobId, lease: LeaseToken) -> Result<(), PortError> {
        self.delete_with(Vec::new(), &[format!("{}{lease}/", results_of(job))]).await
    }
}

impl S3Bucket {
    /// Deletes these objects, and all whose keys begin with one of these prefixes.
    async fn delete_with(&self, mut keys: Vec<String>, prefixes: &[String]) -> Result<(), PortError> {
        for prefix in prefixes {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let mut pages = list.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| fault(LIST, error))?;
                keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
            }
        }
        for batch in keys.chunks(MAX_KEYS) {
            self.delete_objects(batch).await?;
        }
        Ok(())
    }

    /// Deletes up to [`MAX_KEYS`] objects. Those that are missing count as deleted.
    async fn delete_objects(&self, keys: &[String]) -> Result<(), PortError> {
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let objects = objects.collect::<Result<_, _>>().map_err(PortError::fail)?;
        // A quiet answer lists errors only.
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(PortError::fail)?;
        let answer = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await;
        match answer.map_err(|error| fault(DELETE, error))?.errors() {
            [] => Ok(()),
            errors => Err(refused(errors).into()),
        }
    }
}

/// The error for objects that S3 did not delete.
fn refused(errors: &[Error]) -> AwsError {
    let text = |error: &Error| {
        let [key, code, message] = [error.key(), error.code(), error.message()].map(Option::unwrap_or_default);
        format!("{key}: {code}: {message}")
    };
    let detail =
        format!("{} objects not deleted; the first is {}", errors.len(), errors.first().map(text).unwrap_or_default());
    let transient = errors.iter().all(|error| error.code().is_some_and(is_transient));
    AwsError::Failed { operation: DELETE, detail, transient }
}

/// What the keys of all results of a job begin with.
fn results_of(job: JobId) -> String {
    format!("jobs/{job}/")
}

#[cfg(test)]
mod tests {
    use cutline_core::{AssetKind, Ids, OutputFormat, SystemIds, Variation};

    use super::*;

    #[test]
    fn all_results_of_a_job_begin_alike_and_no_source_does() {
        let (job, lease) = (SystemIds.job(), SystemIds.lease());
        let outputs = Variation::ALL.map(|variation| StorageKey::Output {
            job,
            lease,
            variation,
            format: OutputFormat::Png.into(),
        });
        let assets = AssetKind::ALL.map(|kind| StorageKey::Asset { job, lease, kind });
        for key in outputs.into_iter().chain(assets) {
            assert!(key.to_string().starts_with(&results_of(job)), "{key}");
            assert!(!key.to_string().starts_with(&results_of(SystemIds.job())), "{key}");
        }
        for key in StorageKey::inputs(job) {
            assert!(!key.to_string().starts_with(&results_of(job)), "{key}");
        }
    }
}
