//! The tables, and the migrations from older versions.
//!
//! Times are milliseconds since 1970. Jobs and parameter sets are JSON documents; the other columns repeat the fields
//! that conditions and queries need, and are written together with the document.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;

/// Marks the file as Cutline's, in SQLite's header: "Cutl".
const APPLICATION_ID: i64 = 0x4375_746c;

/// The migration at index `n` leads from version `n` to `n + 1`. Only ever append to this list.
const MIGRATIONS: [&str; 11] = [
    r"
    CREATE TABLE jobs (
        id         TEXT NOT NULL PRIMARY KEY,
        owner      TEXT NOT NULL,
        version    INTEGER NOT NULL,
        state      TEXT NOT NULL,
        due_at     INTEGER,
        expires_at INTEGER,
        document   TEXT NOT NULL
    ) STRICT;
    CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE expires_at IS NOT NULL;

    CREATE TABLE owners (
        id      TEXT NOT NULL PRIMARY KEY,
        credits INTEGER CHECK (credits >= 0)
    ) STRICT;

    CREATE TABLE keys (
        hash       TEXT NOT NULL PRIMARY KEY,
        owner      TEXT NOT NULL,
        label      TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        revoked_at INTEGER
    ) STRICT;

    -- AUTOINCREMENT: receipts name messages by id, so an id must never be reused.
    CREATE TABLE messages (
        id            INTEGER PRIMARY KEY AUTOINCREMENT,
        queue         TEXT NOT NULL CHECK (queue IN ('jobs', 'dead_letters')),
        body          TEXT NOT NULL,
        sent_at       INTEGER NOT NULL,
        visible_at    INTEGER NOT NULL,
        receive_count INTEGER NOT NULL DEFAULT 0,
        in_flight     INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX messages_by_visibility ON messages (queue, visible_at);
    CREATE INDEX messages_by_age ON messages (queue, sent_at);
    CREATE INDEX messages_in_flight ON messages (id) WHERE in_flight = 1;

    CREATE TABLE parked (
        id        INTEGER PRIMARY KEY,
        body      TEXT NOT NULL,
        parked_at INTEGER NOT NULL
    ) STRICT;
",
    r"
    -- Names are compared by bytes, as everywhere: two sets may differ in case alone.
    CREATE TABLE param_sets (
        owner      TEXT NOT NULL COLLATE BINARY,
        name       TEXT NOT NULL COLLATE BINARY,
        revision   TEXT NOT NULL,
        updated_at INTEGER NOT NULL,
        document   TEXT NOT NULL,
        PRIMARY KEY (owner, name)
    ) STRICT;
",
    r"
    CREATE TABLE drops (
        id         TEXT NOT NULL PRIMARY KEY,
        job        TEXT NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX drops_expiring ON drops (expires_at);
    CREATE INDEX keys_by_owner ON keys (owner);
",
    r"
    -- Drops become one kind of identity.
    CREATE TABLE identities (
        kind        TEXT NOT NULL,
        digest      TEXT NOT NULL,
        job         TEXT NOT NULL,
        fingerprint TEXT,
        expires_at  INTEGER NOT NULL,
        PRIMARY KEY (kind, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX identities_expiring ON identities (kind, expires_at);
    INSERT INTO identities (kind, digest, job, expires_at) SELECT 'drop', id, job, expires_at FROM drops;
    DROP TABLE drops;
",
    r"
    -- The bytes of a job's files, and their sum by owner. Triggers keep the sum in the transaction that changes a job,
    -- whichever statement does.
    ALTER TABLE jobs ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE stored_bytes (
        owner TEXT NOT NULL PRIMARY KEY,
        bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER stored_bytes_added AFTER INSERT ON jobs WHEN new.stored_bytes <> 0
    BEGIN
        INSERT INTO stored_bytes (owner, bytes) VALUES (new.owner, new.stored_bytes)
        ON CONFLICT (owner) DO UPDATE SET bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER stored_bytes_changed AFTER UPDATE OF stored_bytes ON jobs WHEN new.stored_bytes <> old.stored_bytes
    BEGIN
        INSERT INTO stored_bytes (owner, bytes) VALUES (new.owner, new.stored_bytes - old.stored_bytes)
        ON CONFLICT (owner) DO UPDATE SET bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER stored_bytes_removed AFTER DELETE ON jobs WHEN old.stored_bytes <> 0
    BEGIN
        UPDATE stored_bytes SET bytes = bytes - old.stored_bytes WHERE owner = old.owner;
        DELETE FROM stored_bytes WHERE owner = old.owner AND bytes = 0;
    END;
    -- Earlier records list the sizes of the results, but not of the source. An unreadable record counts as nothing.
    UPDATE jobs SET stored_bytes = CAST((
        SELECT coalesce(sum(json_extract(file.value, '$.bytes')), 0) FROM (
            SELECT value FROM json_each(jobs.document, '$.state.outcome.pictures')
            UNION ALL
            SELECT value FROM json_each(jobs.document, '$.state.outcome.assets')
        ) AS file
    ) AS INTEGER)
    WHERE state = 'done' AND json_valid(document);
",
    r"
    -- What lists of jobs show, in an index of its own, so that a page reads no documents. Jobs of earlier versions have
    -- no summary, and are read from their document.
    ALTER TABLE jobs ADD COLUMN summary TEXT;
    ALTER TABLE jobs ADD COLUMN external_id TEXT;
    ALTER TABLE jobs ADD COLUMN deletion_due_at INTEGER;
    CREATE INDEX jobs_deletion_due ON jobs (deletion_due_at) WHERE deletion_due_at IS NOT NULL;
    CREATE INDEX jobs_by_owner ON jobs (owner, id, summary);
    CREATE INDEX jobs_by_external_id ON jobs (owner, external_id, id, summary) WHERE external_id IS NOT NULL;

    ALTER TABLE keys ADD COLUMN scope TEXT NOT NULL DEFAULT 'full';
    ALTER TABLE owners ADD COLUMN requests_per_minute INTEGER CHECK (requests_per_minute >= 0);
    -- The window first: old windows are removed together.
    CREATE TABLE rate_counters (
        owner        TEXT NOT NULL,
        window_start INTEGER NOT NULL,
        count        INTEGER NOT NULL,
        PRIMARY KEY (window_start, owner)
    ) STRICT, WITHOUT ROWID;
",
    r"
    -- Direct uploads. `version` names the file of the object, if one was stored. `stored_bytes` are its bytes until a job
    -- was accepted with it; the same triggers as for jobs add them to the owner's.
    CREATE TABLE uploads (
        id           TEXT NOT NULL PRIMARY KEY,
        owner        TEXT NOT NULL,
        content_type TEXT NOT NULL,
        size         INTEGER NOT NULL,
        sha256       TEXT,
        created_at   INTEGER NOT NULL,
        expires_at   INTEGER NOT NULL,
        is_open      INTEGER NOT NULL DEFAULT 1,
        version      TEXT,
        etag         TEXT,
        stored_bytes INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX uploads_open ON uploads (owner, expires_at) WHERE is_open = 1;
    CREATE INDEX uploads_expiring ON uploads (expires_at);
    CREATE TRIGGER uploaded_bytes_changed AFTER UPDATE OF stored_bytes ON uploads
        WHEN new.stored_bytes <> old.stored_bytes
    BEGIN
        INSERT INTO stored_bytes (owner, bytes) VALUES (new.owner, new.stored_bytes - old.stored_bytes)
        ON CONFLICT (owner) DO UPDATE SET bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER uploaded_bytes_removed AFTER DELETE ON uploads WHEN old.stored_bytes <> 0
    BEGIN
        UPDATE stored_bytes SET bytes = bytes - old.stored_bytes WHERE owner = old.owner;
        DELETE FROM stored_bytes WHERE owner = old.owner AND bytes = 0;
    END;
",
    r"
    -- Reports: an index of due ones apart from other due work, the queue of messages about them, and webhook settings.
    ALTER TABLE jobs ADD COLUMN report_due_at INTEGER;
    CREATE INDEX jobs_report_due ON jobs (report_due_at) WHERE report_due_at IS NOT NULL;
    UPDATE jobs SET report_due_at = due_at, due_at = NULL WHERE state IN ('done', 'failed') AND due_at IS NOT NULL;

    ALTER TABLE owners ADD COLUMN webhook_url TEXT;
    ALTER TABLE owners ADD COLUMN webhook_secret_at INTEGER;
    CREATE TABLE webhook_secrets (
        owner    TEXT NOT NULL PRIMARY KEY,
        version  INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- AUTOINCREMENT: receipts name messages by id, so an id must never be reused.
    CREATE TABLE report_messages (
        id            INTEGER PRIMARY KEY AUTOINCREMENT,
        body          TEXT NOT NULL,
        visible_at    INTEGER NOT NULL,
        receive_count INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX report_messages_by_visibility ON report_messages (visible_at);
",
    r"
    -- How many jobs of an owner ended in a month, such as 2026-11. Jobs of earlier versions count as far as their records
    -- are still there.
    CREATE TABLE ended_jobs (
        owner     TEXT NOT NULL,
        month     TEXT NOT NULL,
        done      INTEGER NOT NULL DEFAULT 0,
        failed    INTEGER NOT NULL DEFAULT 0,
        cancelled INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (owner, month)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO ended_jobs (owner, month, done, failed)
        SELECT owner, substr(ended_at, 1, 7), sum(state = 'done'), sum(state = 'failed')
        FROM (
            SELECT owner, state, CASE WHEN json_valid(document) THEN json_extract(document, '$.state.at') END AS ended_at
            FROM jobs WHERE state IN ('done', 'failed')
        )
        WHERE ended_at IS NOT NULL GROUP BY 1, 2;

    CREATE TABLE audit_entries (
        id       TEXT NOT NULL PRIMARY KEY,
        owner    TEXT NOT NULL,
        job      TEXT,
        at       INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_entries_by_owner ON audit_entries (owner, id);
    CREATE INDEX audit_entries_by_job ON audit_entries (job, id) WHERE job IS NOT NULL;
    CREATE INDEX audit_entries_by_time ON audit_entries (at);
",
    r"
    -- Messages have a lane and an owner, and there is a queue for intake. SQLite cannot change a CHECK, so the table is
    -- made again. Messages of earlier versions are live ones of their job's owner; those without a job have no owner.
    CREATE TABLE lane_messages (
        id            INTEGER PRIMARY KEY AUTOINCREMENT,
        queue         TEXT NOT NULL CHECK (queue IN ('jobs', 'intake', 'dead_letters')),
        lane          TEXT NOT NULL CHECK (lane IN ('live', 'bulk')),
        owner         TEXT NOT NULL,
        body          TEXT NOT NULL,
        sent_at       INTEGER NOT NULL,
        visible_at    INTEGER NOT NULL,
        receive_count INTEGER NOT NULL DEFAULT 0,
        in_flight     INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    INSERT INTO lane_messages
    SELECT id, queue, 'live', coalesce((
        SELECT owner FROM jobs WHERE jobs.id = iif(json_valid(body), json_extract(body, '$.job_id'), NULL)
    ), ''), body, sent_at, visible_at, receive_count, in_flight FROM messages;
    DROP TABLE messages;
    ALTER TABLE lane_messages RENAME TO messages;
    CREATE INDEX messages_by_visibility ON messages (queue, visible_at);
    CREATE INDEX messages_by_age ON messages (queue, lane, sent_at);
    CREATE INDEX messages_by_turn ON messages (queue, lane, owner, visible_at);
    CREATE INDEX messages_in_flight ON messages (queue, lane, owner, visible_at) WHERE in_flight = 1;

    -- The owners of a queue's messages, by turn: the number of the delivery that last served them. Triggers count their
    -- messages, so that the owners who have some are found in the order of their turns.
    CREATE TABLE turns (
        queue    TEXT NOT NULL,
        lane     TEXT NOT NULL,
        owner    TEXT NOT NULL,
        served   INTEGER NOT NULL DEFAULT 0,
        messages INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (queue, lane, owner)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO turns (queue, lane, owner, messages)
    SELECT queue, lane, owner, count(*) FROM messages GROUP BY queue, lane, owner;
    CREATE INDEX turns_next ON turns (queue, lane, served, owner) WHERE messages > 0;
    CREATE TRIGGER turns_message_added AFTER INSERT ON messages
    BEGIN
        INSERT INTO turns (queue, lane, owner, messages) VALUES (new.queue, new.lane, new.owner, 1)
        ON CONFLICT (queue, lane, owner) DO UPDATE SET messages = messages + 1;
    END;
    CREATE TRIGGER turns_message_removed AFTER DELETE ON messages
    BEGIN
        UPDATE turns SET messages = messages - 1
        WHERE queue = old.queue AND lane = old.lane AND owner = old.owner;
    END;
    -- How many deliveries each queue has made.
    CREATE TABLE deliveries (
        queue TEXT NOT NULL PRIMARY KEY,
        count INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    r"
    -- The jobs that were made from an upload, and the content of the last one: its object is deleted with them.
    ALTER TABLE uploads ADD COLUMN used_etag TEXT;
    CREATE TABLE upload_jobs (
        upload TEXT NOT NULL,
        job    TEXT NOT NULL,
        PRIMARY KEY (upload, job)
    ) STRICT, WITHOUT ROWID;

    -- Which jobs of the owner are held for review, as JSON.
    ALTER TABLE owners ADD COLUMN review TEXT;
",
];

/// The newest version of the tables that this release reads.
pub(crate) const SUPPORTED: i64 = MIGRATIONS.len() as i64;

/// The version of an existing database's tables.
///
/// # Errors
/// [`OpenError::NotOurs`] or [`OpenError::Newer`].
pub(crate) fn version_of(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let failed = |error| OpenError::Database { path: path.to_owned(), error };
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
    let version = pragma("user_version")?;
    if pragma("application_id")? != APPLICATION_ID {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    if version > SUPPORTED {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, supported: SUPPORTED });
    }
    Ok(version)
}

/// Creates the tables of a new database, or migrates an older one, in one transaction.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::Database { path: path.to_owned(), error };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let pragma = |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application_id = pragma("application_id").map_err(failed)?;
    let version = pragma("user_version").map_err(failed)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let is_new = application_id == 0 && version == 0 && tables == 0;
    if application_id != APPLICATION_ID && !is_new {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    let supported = SUPPORTED;
    let applied = usize::try_from(version).unwrap_or(0);
    if version > supported {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, supported });
    }
    for migration in &MIGRATIONS[applied..] {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    if version < supported {
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", supported).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}
