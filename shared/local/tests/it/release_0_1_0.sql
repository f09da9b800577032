-- A database as release 0.1.0 wrote it: its schema, and rows in every table.
PRAGMA application_id = 0x4375746c;
PRAGMA user_version = 3;

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
CREATE TABLE param_sets (
    owner      TEXT NOT NULL COLLATE BINARY,
    name       TEXT NOT NULL COLLATE BINARY,
    revision   TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    document   TEXT NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT;
CREATE TABLE drops (
    id         TEXT NOT NULL PRIMARY KEY,
    job        TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX drops_expiring ON drops (expires_at);
CREATE INDEX keys_by_owner ON keys (owner);

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('019cdc54-2673-7c32-b9e5-6e1d36cc9e8a', 'shop', 5, 'failed', 1767323220000, 1767927900000,
     '{"id":"019cdc54-2673-7c32-b9e5-6e1d36cc9e8a","owner":"shop","order":{"mode":"background","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null},"set":null,"source":"stored"},"created_at":"2026-01-02T03:04:05.678Z","charged":true,"version":5,"attempts":1,"progress":60,"state":{"name":"failed","at":"2026-01-02T03:05:00Z","failure":{"code":"no_subject","message":"nothing there","retryable":false}},"expires_at":"2026-01-09T03:05:00Z","drop":{"origin":{"path":"drops/shop/ebay/a.jpg","bucket":"folder","version":"1767323045000000000-7","sequencer":"0A"},"reported":false,"reminders":0,"remind_at":"2026-01-02T03:07:00Z"}}'),
    ('019cdc54-2673-7c32-b9e5-6e1d36cc9e8b', 'shop', 1, 'queued', 1767323165678, NULL,
     '{"id":"019cdc54-2673-7c32-b9e5-6e1d36cc9e8b","owner":"shop","order":{"mode":"background","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null},"set":null,"source":"stored"},"created_at":"2026-01-02T03:04:05.678Z","charged":true,"version":1,"attempts":0,"progress":0,"state":{"name":"queued","since":"2026-01-02T03:04:05.678Z","ready_at":"2026-01-02T03:04:05.678Z","resend_at":"2026-01-02T03:06:05.678Z","resends":0},"expires_at":null}');
INSERT INTO owners (id, credits) VALUES ('shop', 7);
INSERT INTO keys (hash, owner, label, created_at, revoked_at) VALUES
    ('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'shop', 'first key', 1767323045678, NULL);
INSERT INTO messages (queue, body, sent_at, visible_at) VALUES
    ('jobs', '{"job_id":"019cdc54-2673-7c32-b9e5-6e1d36cc9e8b"}', 1767323045678, 1767323045678);
INSERT INTO parked (body, parked_at) VALUES ('not a message', 1767323045678);
INSERT INTO param_sets (owner, name, revision, updated_at, document) VALUES
    ('shop', 'ebay', '019cdc5426737c32b9e56e1d36cc9e8c', 1767323045678, '{"version":1}');
INSERT INTO drops (id, job, expires_at) VALUES
    ('9771d9329915f31584bd1ad4799efdbd7f1a419452dcb75a9b3083972476ce4b', '019cdc54-2673-7c32-b9e5-6e1d36cc9e8a', 1770347045678);
