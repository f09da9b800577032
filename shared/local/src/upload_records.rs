//! The rows of direct uploads.
//!
//! A row is the truth about its upload: which version of the object counts, and how many bytes. A file without a row that
//! names it is a leftover.

use cutline_core::domain::ids::{JobId, OwnerId};
use cutline_core::domain::limits::{MAX_JOBS_PER_UPLOAD, MAX_OPEN_UPLOADS};
use cutline_core::domain::upload::{ETag, KEPT, KEY_LIFETIME, Upload, UploadKey, UploadRequest, UploadUse};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::error::StoreError;

/// The object of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadVersion {
    /// Names its file.
    pub(crate) version: String,
    /// Identifies its content.
    pub(crate) etag: ETag,
    /// Whether its bytes count as the owner's.
    pub(crate) is_counted: bool,
}

/// Stores a new upload. Returns when the first open one expires, if there are too many. Storing one again changes
/// nothing.
pub(crate) fn open(connection: &Connection, upload: &Upload) -> Result<Option<Timestamp>, StoreError> {
    let (id, owner) = (upload.key.to_string(), upload.owner.to_string());
    if connection.prepare_cached("SELECT 1 FROM uploads WHERE id = ?")?.exists([&id])? {
        return Ok(None);
    }
    let sql = "SELECT count(*), min(expires_at) FROM uploads WHERE owner = ? AND is_open = 1 AND expires_at > ?";
    let now = upload.created_at.as_millisecond();
    let (count, first): (i64, Option<i64>) =
        connection.prepare_cached(sql)?.query_row((&owner, now), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(first) = first
        && usize::try_from(count).is_ok_and(|count| count >= MAX_OPEN_UPLOADS)
    {
        return Ok(Some(Timestamp::from_millisecond(first).map_err(StoreError::record)?));
    }
    connection
        .prepare_cached(
            "INSERT INTO uploads (id, owner, content_type, size, sha256, created_at, expires_at)
             VALUES (:id, :owner, :content_type, :size, :sha256, :created_at, :expires_at)",
        )?
        .execute(named_params! {
            ":id": id, ":owner": owner, ":content_type": upload.request.content_type.as_str(),
            ":size": i64::try_from(upload.request.size).map_err(StoreError::record)?,
            ":sha256": upload.request.sha256.map(String::from),
            ":created_at": now, ":expires_at": upload.expires_at().as_millisecond(),
        })?;
    Ok(None)
}

/// The upload with this key.
pub(crate) fn find(connection: &Connection, key: UploadKey) -> Result<Option<Upload>, StoreError> {
    let sql = "SELECT owner, content_type, size, sha256, created_at FROM uploads WHERE id = ?";
    let mut query = connection.prepare_cached(sql)?;
    let row = query.query_row([key.to_string()], |row| Ok(upload(key, row))).optional()?;
    row.transpose()
}

fn upload(key: UploadKey, row: &Row<'_>) -> Result<Upload, StoreError> {
    let text = |index| row.get::<_, String>(index);
    let sha256: Option<String> = row.get(3)?;
    Ok(Upload {
        key,
        owner: OwnerId::try_from(text(0)?).map_err(StoreError::record)?,
        request: UploadRequest {
            content_type: text(1)?.parse().map_err(StoreError::record)?,
            size: u64::try_from(row.get::<_, i64>(2)?).map_err(StoreError::record)?,
            sha256: sha256.map(|text| text.parse()).transpose().map_err(StoreError::record)?,
        },
        created_at: Timestamp::from_millisecond(row.get(4)?).map_err(StoreError::record)?,
    })
}

/// Counts an upload as open no longer, and the bytes of this content no longer as the owner's: they are a job's now.
pub(crate) fn close(connection: &Connection, key: UploadKey, etag: &ETag) -> Result<(), StoreError> {
    let sql = "UPDATE uploads SET is_open = 0, stored_bytes = iif(etag = ?2, 0, stored_bytes) WHERE id = ?1";
    connection.prepare_cached(sql)?.execute((key.to_string(), etag.as_str()))?;
    Ok(())
}

/// Notes that a job is about to be accepted with this content. Returns false if too many are noted.
///
/// # Errors
/// [`StoreError::Record`] if the upload is gone.
pub(crate) fn note_job(connection: &Connection, key: UploadKey, etag: &ETag, job: JobId) -> Result<bool, StoreError> {
    let (key, job) = (key.to_string(), job.to_string());
    let sql = "SELECT count(*) FROM upload_jobs WHERE upload = ? AND job <> ?";
    let others: i64 = connection.prepare_cached(sql)?.query_row((&key, &job), |row| row.get(0))?;
    if usize::try_from(others).is_ok_and(|others| others >= MAX_JOBS_PER_UPLOAD) {
        return Ok(false);
    }
    let sql = "UPDATE uploads SET used_etag = ?2 WHERE id = ?1";
    if connection.prepare_cached(sql)?.execute((&key, etag.as_str()))? == 0 {
        return Err(StoreError::record(format!("the upload {key} has expired")));
    }
    let sql = "INSERT INTO upload_jobs (upload, job) VALUES (?, ?) ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute((&key, &job))?;
    Ok(true)
}

/// The jobs that were noted for an upload of this owner.
pub(crate) fn uses(connection: &Connection, owner: &OwnerId, key: UploadKey) -> Result<Option<UploadUse>, StoreError> {
    let sql = "SELECT used_etag FROM uploads WHERE id = ? AND owner = ? AND used_etag IS NOT NULL";
    let mut query = connection.prepare_cached(sql)?;
    let etag: Option<String> = query.query_row((key.to_string(), owner.to_string()), |row| row.get(0)).optional()?;
    let Some(etag) = etag else { return Ok(None) };
    let mut query = connection.prepare_cached("SELECT job FROM upload_jobs WHERE upload = ?")?;
    let jobs = query.query_map([key.to_string()], |row| row.get::<_, String>(0))?;
    let jobs = jobs.map(|job| job?.parse().map_err(StoreError::record)).collect::<Result<_, StoreError>>()?;
    Ok(Some(UploadUse { etag: etag.parse().map_err(StoreError::record)?, jobs }))
}

/// The object of an upload; `None` before one was stored.
pub(crate) fn version(connection: &Connection, key: UploadKey) -> Result<Option<UploadVersion>, StoreError> {
    let sql = "SELECT version, etag, stored_bytes > 0 FROM uploads WHERE id = ? AND version IS NOT NULL";
    let mut query = connection.prepare_cached(sql)?;
    let row = query.query_row([key.to_string()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
    });
    match row.optional()? {
        Some((version, etag, is_counted)) => {
            Ok(Some(UploadVersion { version, etag: etag.parse().map_err(StoreError::record)?, is_counted }))
        }
        None => Ok(None),
    }
}

/// Makes a stored version the upload's object. Returns the previous one, which no row names any more.
///
/// # Errors
/// [`StoreError::Record`] if the upload is gone.
pub(crate) fn replace_version(
    connection: &Connection,
    key: UploadKey,
    (version, etag, bytes): (&str, &ETag, u64),
) -> Result<Option<String>, StoreError> {
    let previous = self::version(connection, key)?.map(|previous| previous.version);
    let bytes = i64::try_from(bytes).map_err(StoreError::record)?;
    let sql = "UPDATE uploads SET version = ?, etag = ?, stored_bytes = ? WHERE id = ?";
    match connection.prepare_cached(sql)?.execute((version, etag.as_str(), bytes, key.to_string()))? {
        0 => Err(StoreError::record(format!("the upload {key} has expired"))),
        _ => Ok(previous),
    }
}

/// Leaves the upload without an object, if it has this content. Returns the version that it had.
pub(crate) fn remove_version(
    connection: &Connection,
    key: UploadKey,
    etag: &ETag,
) -> Result<Option<String>, StoreError> {
    let current = version(connection, key)?.filter(|current| current.etag == *etag);
    let Some(UploadVersion { version, .. }) = current else { return Ok(None) };
    let sql = "UPDATE uploads SET version = NULL, etag = NULL, stored_bytes = 0 WHERE id = ?";
    connection.prepare_cached(sql)?.execute([key.to_string()])?;
    Ok(Some(version))
}

/// The uploads that need not be kept any longer, and their versions.
pub(crate) fn expired(
    connection: &Connection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(UploadKey, Option<String>)>, StoreError> {
    let before = now.checked_sub(KEPT.saturating_sub(KEY_LIFETIME)).unwrap_or(Timestamp::MIN).as_millisecond();
    let sql = "SELECT id, version FROM uploads WHERE expires_at <= ? ORDER BY expires_at LIMIT ?";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query((before, limit))?;
    let mut expired = Vec::new();
    while let Some(row) = rows.next()? {
        expired.push((row.get::<_, String>(0)?.parse().map_err(StoreError::record)?, row.get(1)?));
    }
    Ok(expired)
}

/// Removes an upload's rows.
pub(crate) fn forget(connection: &Connection, key: UploadKey) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM upload_jobs WHERE upload = ?")?.execute([key.to_string()])?;
    connection.prepare_cached("DELETE FROM uploads WHERE id = ?")?.execute([key.to_string()])?;
    Ok(())
}

/// Brings times forward that lie ahead of `now`, inside a write transaction. Returns the number of changed uploads.
pub(crate) fn bring_forward(connection: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let (now, lifetime) = (now.as_millisecond(), i64::try_from(KEY_LIFETIME.as_millis()).unwrap_or(i64::MAX));
    let sql = "UPDATE uploads SET created_at = ?1, expires_at = ?1 + ?2 WHERE created_at > ?1";
    Ok(connection.prepare_cached(sql)?.execute((now, lifetime))?)
}

/// Moves all times ahead, inside a write transaction.
pub(crate) fn postpone(connection: &Connection, by: i64) -> Result<(), StoreError> {
    let sql = "UPDATE uploads SET created_at = created_at + ?1, expires_at = expires_at + ?1";
    connection.prepare_cached(sql)?.execute([by])?;
    Ok(())
}
