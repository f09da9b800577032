//! The records of jobs.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, Update};
use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::job::{Job, Transition};
use cutline_core::ports::{CreateError, JobPage, JobQuery, Jobs, PortError, WriteError};
use futures::future::try_join_all;
use jiff::Timestamp;

use super::item::{Item, PrimaryKey, number, string};
use super::job_item::{DUE_INDEX, DueWork, LIST_ENTRY, ListPartition, due_entry, job_of, list_entry, of_job};
use super::table::DynamoTable;
use super::transaction::TransactionOutcome;
use crate::error::{fault, is_condition_failure};

/// The condition under which a job's record is written.
#[derive(Debug, Clone, Copy)]
enum JobCondition {
    Absent,
    Version(u64),
}

impl JobCondition {
    fn expression(self) -> &'static str {
        match self {
            Self::Absent => "attribute_not_exists(pk)",
            Self::Version(_) => "version = :version",
        }
    }

    fn values(self) -> Option<Item> {
        match self {
            Self::Absent => None,
            Self::Version(version) => Some(Item::from([(":version".to_owned(), number(version))])),
        }
    }
}

#[async_trait]
impl Jobs for DynamoTable {
    async fn create(&self, job: &Job) -> Result<(), CreateError> {
        if !job.charged {
            return if self.put(job, JobCondition::Absent).await? { Ok(()) } else { Err(CreateError::Exists) };
        }
        self.put_with(job, JobCondition::Absent, self.debit(&job.owner)).await?.created()
    }

    async fn get(&self, id: JobId) -> Result<Option<Job>, PortError> {
        let item = self.read_item(&PrimaryKey::job(id)).await?;
        item.map(|item| job_of(id, item)).transpose()
    }

    async fn replace(&self, transition: &Transition) -> Result<(), WriteError> {
        if !self.put_transition(transition).await? {
            return Err(WriteError::Conflict);
        }
        self.count_end(transition).await;
        Ok(())
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        self.due_for(DueWork::Repair, now, limit).await
    }

    async fn reports_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        self.due_for(DueWork::Report, now, limit).await
    }

    async fn deletions_due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        self.due_for(DueWork::Deletion, now, limit).await
    }

    /// Reads an index, which lags behind the records. It lacks the records that a release without it wrote last.
    async fn list(&self, owner: &OwnerId, query: &JobQuery) -> Result<JobPage, PortError> {
        let partition = ListPartition::of(owner, query.external_id.as_ref());
        let (mut page, mut left, mut start) = (JobPage::default(), query.limit, None);
        // DynamoDB ends a page after 1 MB too.
        while left > 0 {
            let request = self.query_list(&partition, query.before).limit(i32::try_from(left).unwrap_or(i32::MAX));
            let answer = request.set_exclusive_start_key(start).send().await;
            let answer = answer.map_err(|error| fault("dynamodb:Query", error))?;
            let entries = answer.items.unwrap_or_default();
            left = left.saturating_sub(entries.len());
            for entry in entries {
                let (id, summary) = list_entry(entry)?;
                page.next = Some(id);
                page.jobs.extend(summary);
            }
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(JobPage { next: None, ..page });
            }
        }
        Ok(page)
    }
}

impl DynamoTable {
    /// Up to `limit` jobs that are due for this, earliest first.
    async fn due_for(&self, work: DueWork, now: Timestamp, limit: usize) -> Result<Vec<JobId>, PortError> {
        let partitions = work.partitions().map(|partition| self.due_in(partition, now, limit));
        let mut due: Vec<(i64, JobId)> = try_join_all(partitions).await?.into_iter().flatten().collect();
        due.sort_unstable();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }

    /// Writes the job if the condition holds. Returns whether it did.
    async fn put(&self, job: &Job, condition: JobCondition) -> Result<bool, PortError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(of_job(job)?))
            .condition_expression(condition.expression())
            .set_expression_attribute_values(condition.values());
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => Ok(false),
            Err(error) => Err(fault("dynamodb:PutItem", error)),
        }
    }

    /// Writes a job, its refund and its entries of the audit log in one transaction. Returns false, and writes nothing, if
    /// the job was changed meanwhile.
    async fn put_transition(&self, transition: &Transition) -> Result<bool, PortError> {
        let job = &transition.job;
        let condition = JobCondition::Version(job.version.saturating_sub(1));
        let entries: Vec<_> = transition.audited().map(|entry| self.audit_puts(entry)).collect::<Result<_, _>>()?;
        let entries = entries.concat();
        let records = || Ok::<_, PortError>([self.put_of(job, condition)?].into_iter().chain(entries.clone()));
        if transition.refunds() {
            let refund = self.refund(&job.owner).build().map_err(PortError::fail)?;
            match self.transact(records()?, Some(refund)).await? {
                TransactionOutcome::Committed => return Ok(true),
                TransactionOutcome::RecordRefused => return Ok(false),
                // Credits are not counted any more.
                TransactionOutcome::OwnerRefused => {}
            }
        }
        if entries.is_empty() {
            return self.put(job, condition).await;
        }
        Ok(self.transact(records()?, None).await? == TransactionOutcome::Committed)
    }

    /// Writes the job and changes its owner in one transaction.
    async fn put_with(
        &self,
        job: &Job,
        condition: JobCondition,
        owner: UpdateBuilder,
    ) -> Result<TransactionOutcome, PortError> {
        let owner = owner.build().map_err(PortError::fail)?;
        self.transact([self.put_of(job, condition)?], Some(owner)).await
    }

    /// The write of a job, for a transaction.
    fn put_of(&self, job: &Job, condition: JobCondition) -> Result<Put, PortError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(of_job(job)?))
            .condition_expression(condition.expression())
            .set_expression_attribute_values(condition.values());
        put.build().map_err(PortError::fail)
    }

    /// The write of a new job, for a transaction.
    pub(super) fn put_new(&self, job: &Job) -> Result<Put, PortError> {
        self.put_of(job, JobCondition::Absent)
    }

    /// Debits one credit of the owner, on the condition that there is one.
    pub(super) fn debit(&self, owner: &OwnerId) -> UpdateBuilder {
        self.change_credits(owner)
            .update_expression("SET credits = credits - :one")
            .condition_expression("credits >= :one")
    }

    /// Refunds one credit to the owner, on the condition that credits are counted: `ADD` would start the counting.
    fn refund(&self, owner: &OwnerId) -> UpdateBuilder {
        self.change_credits(owner)
            .update_expression("ADD credits :one")
            .condition_expression("attribute_type(credits, :number)")
            .expression_attribute_values(":number", string("N"))
    }

    /// An update of the owner's item in which `:one` is the number 1.
    fn change_credits(&self, owner: &OwnerId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(PrimaryKey::owner(owner).attributes()))
            .expression_attribute_values(":one", number(1))
    }

    /// A query of jobs in an index of lists, the highest id first.
    fn query_list(&self, partition: &ListPartition, before: Option<JobId>) -> QueryFluentBuilder {
        let is_listed = format!("{} = :partition", partition.index);
        let condition = if before.is_some() { format!("{is_listed} AND id < :before") } else { is_listed };
        let before = before.map(|id| (":before".to_owned(), string(id.to_string())));
        let values = [(":partition".to_owned(), partition.value.clone())].into_iter().chain(before);
        self.client
            .query()
            .table_name(&self.table)
            .index_name(partition.index)
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values.collect()))
            .projection_expression(LIST_ENTRY)
            .scan_index_forward(false)
    }

    /// Up to `limit` due jobs of one partition of the index, earliest first, with their due times in milliseconds
    /// since 1970.
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
            .index_name(DUE_INDEX)
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
            due.push(due_entry(&entry)?);
        }
        Ok(due)
    }
}
