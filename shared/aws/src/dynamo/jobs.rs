//! The records of jobs.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, Update};
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::job::Job;
use cutline_core::ports::{CreateError, Jobs, PortError, WriteError};
use futures::future::try_join_all;
use jiff::Timestamp;

use super::transaction::Ended;
use super::{DynamoTable, item, number, string};
use crate::error::fault;

/// What the stored job must be for a write to be made.
#[derive(Debug, Clone, Copy)]
enum If {
    Absent,
    Version(u64),
}

impl If {
    fn expression(self) -> &'static str {
        match self {
            Self::Absent => "attribute_not_exists(pk)",
            Self::Version(_) => "version = :version",
        }
    }

    fn values(self) -> Option<item::Item> {
        match self {
            Self::Absent => None,
            Self::Version(version) => Some(item::Item::from([(":version".to_owned(), number(version))])),
        }
    }
}

#[async_trait]
impl Jobs for DynamoTable {
    async fn create(&self, job: &Job) -> Result<(), CreateError> {
        if !job.charged {
            return if self.put(job, If::Absent).await? { Ok(()) } else { Err(CreateError::Exists) };
        }
        match self.put_with(job, If::Absent, self.debit(&job.owner)).await? {
            Ended::Made => Ok(()),
            Ended::RecordRefused => Err(CreateError::Exists),
            Ended::OwnerRefused => Err(CreateError::InsufficientCredits),
        }
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError> {
        self.read(item::PrimaryKey::job(id)).await
    }

    async fn replace(&self, job: &Job) -> Result<(), WriteError> {
        let before = If::Version(job.version.saturating_sub(1));
        if job.refunds() {
            // Counted credits are a number. Where there is none, there is nothing to give back to.
            let refund = self
                .change_credits(&job.owner)
                .update_expression("SET credits = credits + :one")
                .condition_expression("attribute_type(credits, :number)")
                .expression_attribute_values(":number", string("N"));
            match self.put_with(job, before, refund).await? {
                Ended::Made => return Ok(()),
                Ended::RecordRefused => return Err(WriteError::Conflict),
                Ended::OwnerRefused => {}
            }
        }
        if self.put(job, before).await? { Ok(()) } else { Err(WriteError::Conflict) }
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let partitions = item::due_partitions().map(|partition| self.due_in(partition, now, limit));
        let mut due: Vec<(i64, JobId)> = try_join_all(partitions).await?.into_iter().flatten().collect();
        due.sort_unstable();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }
}

impl DynamoTable {
    /// Writes the job if it may be written, and says whether it was.
    async fn put(&self, job: &Job, condition: If) -> Result<bool, PortError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::of_job(job)?))
            .condition_expression(condition.expression())
            .set_expression_attribute_values(condition.values());
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(fault("dynamodb:PutItem", error)),
        }
    }

    /// Writes the job and changes its owner, both or neither.
    async fn put_with(&self, job: &Job, condition: If, owner: UpdateBuilder) -> Result<Ended, PortError> {
        // The builders only ask whether all that is required was set.
        let owner = owner.build().map_err(PortError::fail)?;
        self.transact([self.put_of(job, condition)?], Some(owner)).await
    }

    /// The job as a part of a transaction.
    fn put_of(&self, job: &Job, condition: If) -> Result<Put, PortError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::of_job(job)?))
            .condition_expression(condition.expression())
            .set_expression_attribute_values(condition.values());
        put.build().map_err(PortError::fail)
    }

    /// A new job as a part of a transaction.
    pub(super) fn put_new(&self, job: &Job) -> Result<Put, PortError> {
        self.put_of(job, If::Absent)
    }

    /// Takes a credit of the owner's, if there is one.
    pub(super) fn debit(&self, owner: &OwnerId) -> UpdateBuilder {
        self.change_credits(owner)
            .update_expression("SET credits = credits - :one")
            .condition_expression("credits >= :one")
    }

    /// A change of the owner's credits by `:one`.
    fn change_credits(&self, owner: &OwnerId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(item::PrimaryKey::owner(owner).attributes()))
            .expression_attribute_values(":one", number(1))
    }

    /// What is due in one partition of the index, those due first coming first.
    async fn due_in(
        &self,
        partition: AttributeValue,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(i64, JobId)>, PortError> {
        let mut entries = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(item::DUE_INDEX)
            .key_condition_expression("due = :partition AND due_at <= :now")
            .expression_attribute_values(":partition", partition)
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut due = Vec::new();
        while due.len() < limit
            && let Some(entry) = entries.next().await
        {
            let entry = entry.map_err(|error| fault("dynamodb:Query", error))?;
            due.push(item::due_entry(&entry)?);
        }
        Ok(due)
    }
}
