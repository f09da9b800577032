PRAGMA application_id = 1131770988;
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

INSERT INTO drops (id, job, expires_at) VALUES
    ('0d126f24ef4709cf21f076585be9f014faf0935a9dc3787f5fadca4beae2fe6d', '01a22d5d-e69b-72f4-abee-cc025345c5f4', 1799081458334);

INSERT INTO drops (id, job, expires_at) VALUES
    ('6fab44aed3e3ccd792050e5b33ceffc2f1b34736f3f0bac9908295ae05d4998a', '01a22d5d-fef3-77d9-8a0d-d3544153b285', 1799081464564);

INSERT INTO drops (id, job, expires_at) VALUES
    ('8d7ed612a9ca85e7b859274eb9974a65f5e52a54eec7cf24ff0737d9e511835a', '01a22d5d-de49-7570-9c1a-3a69916b0c02', 1799081458334);

INSERT INTO drops (id, job, expires_at) VALUES
    ('d6bdc51c110b1f7ae534b32ac295dc2c6e2b13276cea3c8015b25691c726105a', '01a22d5d-e2b4-7357-bbb6-f5398d65337c', 1799081458334);

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-de49-7570-9c1a-3a69916b0c02', 'shop', 6, 'done', 1796057577954, 1796662257954, '{"id":"01a22d5d-de49-7570-9c1a-3a69916b0c02","owner":"shop","order":{"mode":"params","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":{"name":"transparent","revision":null,"set":{"version":1,"canvas":{"width":2000,"height":2000},"background":"transparent","margin":"5%","variations":["compose"],"output":{"format":"png"},"promise":{"background":true}}},"source":"stored"},"created_at":"2026-11-30T16:50:56.202Z","charged":true,"version":6,"attempts":1,"progress":100,"state":{"name":"done","at":"2026-11-30T16:50:57.954Z","outcome":{"pictures":{"compose":{"key":{"output":{"job":"01a22d5d-de49-7570-9c1a-3a69916b0c02","lease":"01a22d5d-deb1-752b-b4d6-f49fbbd06787","variation":"compose","format":"png"}},"bytes":1800025,"width":2000,"height":2000}},"final_picture":"compose","assets":{"matte":{"key":{"asset":{"job":"01a22d5d-de49-7570-9c1a-3a69916b0c02","lease":"01a22d5d-deb1-752b-b4d6-f49fbbd06787","kind":"matte"}},"bytes":4418}},"confidence":0.939,"warnings":{"compose":["The subject was enlarged 8.9 times, above 1.5 times; use a larger photograph for a sharp picture."]},"ignored":[],"pipeline_version":"0.1.0+b6e8497b.309c8469"}},"expires_at":"2026-12-07T16:50:57.954Z","drop":{"origin":{"path":"drops/shop/transparent/unreported.jpg","bucket":"folder","version":"1796057454191234744-14893","sequencer":"18ECE0BD910AA87A"},"reported":false,"reminders":0,"remind_at":"2026-11-30T16:52:57.954Z"}}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-deb2-755e-9016-cb5d5a158788', 'shop', 6, 'done', NULL, 1796662259291, '{"id":"01a22d5d-deb2-755e-9016-cb5d5a158788","owner":"shop","order":{"mode":"background","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":null,"source":"stored"},"created_at":"2026-11-30T16:50:56.307Z","charged":true,"version":6,"attempts":1,"progress":100,"state":{"name":"done","at":"2026-11-30T16:50:59.291Z","outcome":{"pictures":{"background":{"key":{"output":{"job":"01a22d5d-deb2-755e-9016-cb5d5a158788","lease":"01a22d5d-e523-72ff-89ac-b66207a9b0f9","variation":"background","format":"png"}},"bytes":64423,"width":300,"height":200}},"final_picture":"background","assets":{"matte":{"key":{"asset":{"job":"01a22d5d-deb2-755e-9016-cb5d5a158788","lease":"01a22d5d-e523-72ff-89ac-b66207a9b0f9","kind":"matte"}},"bytes":4418}},"confidence":0.939,"warnings":{},"ignored":[],"pipeline_version":"0.1.0+b6e8497b.309c8469"}},"expires_at":"2026-12-07T16:50:59.291Z"}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-deba-7473-994e-ec327cf00147', 'shop', 6, 'done', NULL, 1796662260637, '{"id":"01a22d5d-deba-7473-994e-ec327cf00147","owner":"shop","order":{"mode":"clipping","delivery":"url","format":"psd","rendering":{"channels":"rgba","quality":null,"dpi":300,"path":{"name":"Pfad 1","flatness":0.7,"inset":0.0}},"set":null,"source":"stored"},"created_at":"2026-11-30T16:50:56.315Z","charged":true,"version":6,"attempts":1,"progress":100,"state":{"name":"done","at":"2026-11-30T16:51:00.637Z","outcome":{"pictures":{"background":{"key":{"output":{"job":"01a22d5d-deba-7473-994e-ec327cf00147","lease":"01a22d5d-ea5d-76d1-acc2-48ea88b9e253","variation":"background","format":"psd"}},"bytes":463923,"width":300,"height":200},"clipping":{"key":{"output":{"job":"01a22d5d-deba-7473-994e-ec327cf00147","lease":"01a22d5d-ea5d-76d1-acc2-48ea88b9e253","variation":"clipping","format":"psd"}},"bytes":455357,"width":300,"height":200}},"final_picture":"clipping","assets":{"clipping_path":{"key":{"asset":{"job":"01a22d5d-deba-7473-994e-ec327cf00147","lease":"01a22d5d-ea5d-76d1-acc2-48ea88b9e253","kind":"clipping_path"}},"bytes":643},"matte":{"key":{"asset":{"job":"01a22d5d-deba-7473-994e-ec327cf00147","lease":"01a22d5d-ea5d-76d1-acc2-48ea88b9e253","kind":"matte"}},"bytes":4418}},"confidence":0.939,"warnings":{},"ignored":[],"pipeline_version":"0.1.0+b6e8497b.309c8469"}},"expires_at":"2026-12-07T16:51:00.637Z"}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-debc-7781-91a9-f6d8c4acce55', 'shop', 6, 'done', NULL, 1796662262007, '{"id":"01a22d5d-debc-7781-91a9-f6d8c4acce55","owner":"shop","order":{"mode":"params","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":{"name":"studio","revision":"01a22d5d-deb0-72ee-8027-93c2958c79cb","set":{"version":1,"canvas":{"width":640,"height":480},"background":{"color":"#f5f5f5"},"margin":"5%","align":{"x":"center","y":"bottom","by":"box"},"enlargement":2.0,"shadow_top":{"opacity":0.35,"blur":"4%","spread":"1%","color":"#000000"},"variations":["background","compose","shadowTop"],"final":"compose","output":{"format":"jpeg","quality":82,"per_variation":{"background":{"format":"png"}}}}},"source":"stored"},"created_at":"2026-11-30T16:50:56.317Z","charged":true,"version":6,"attempts":1,"progress":100,"state":{"name":"done","at":"2026-11-30T16:51:02.007Z","outcome":{"pictures":{"background":{"key":{"output":{"job":"01a22d5d-debc-7781-91a9-f6d8c4acce55","lease":"01a22d5d-ef9e-744c-a8ef-4c4714da7932","variation":"background","format":"png"}},"bytes":64423,"width":300,"height":200},"compose":{"key":{"output":{"job":"01a22d5d-debc-7781-91a9-f6d8c4acce55","lease":"01a22d5d-ef9e-744c-a8ef-4c4714da7932","variation":"compose","format":"jpeg"}},"bytes":36899,"width":640,"height":480},"shadowTop":{"key":{"output":{"job":"01a22d5d-debc-7781-91a9-f6d8c4acce55","lease":"01a22d5d-ef9e-744c-a8ef-4c4714da7932","variation":"shadowTop","format":"jpeg"}},"bytes":37554,"width":640,"height":480}},"final_picture":"compose","assets":{"matte":{"key":{"asset":{"job":"01a22d5d-debc-7781-91a9-f6d8c4acce55","lease":"01a22d5d-ef9e-744c-a8ef-4c4714da7932","kind":"matte"}},"bytes":4418}},"confidence":0.939,"warnings":{"compose":["The subject was enlarged 2.3 times, above 2 times; use a larger photograph for a sharp picture."],"shadowTop":["The subject was enlarged 2.3 times, above 2 times; use a larger photograph for a sharp picture."]},"ignored":[],"pipeline_version":"0.1.0+b6e8497b.309c8469"}},"expires_at":"2026-12-07T16:51:02.007Z"}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-debe-777a-9130-92e1a1a25915', 'shop', 4, 'failed', NULL, 1796662262010, '{"id":"01a22d5d-debe-777a-9130-92e1a1a25915","owner":"shop","order":{"mode":"background","delivery":"url","format":null,"rendering":{"channels":"alpha","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":null,"source":"stored"},"created_at":"2026-11-30T16:50:56.318Z","charged":true,"version":4,"attempts":1,"progress":20,"state":{"name":"failed","at":"2026-11-30T16:51:02.01Z","failure":{"code":"invalid_image","message":"the JPEG file is damaged or incomplete","retryable":false}},"expires_at":"2026-12-07T16:51:02.01Z"}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-e2b4-7357-bbb6-f5398d65337c', 'shop', 5, 'failed', NULL, 1796662262012, '{"id":"01a22d5d-e2b4-7357-bbb6-f5398d65337c","owner":"shop","order":{"mode":"params","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":{"name":"studio","revision":"01a22d5d-deb0-72ee-8027-93c2958c79cb","set":{"version":1,"canvas":{"width":640,"height":480},"background":{"color":"#f5f5f5"},"margin":"5%","align":{"x":"center","y":"bottom","by":"box"},"enlargement":2.0,"shadow_top":{"opacity":0.35,"blur":"4%","spread":"1%","color":"#000000"},"variations":["background","compose","shadowTop"],"final":"compose","output":{"format":"jpeg","quality":82,"per_variation":{"background":{"format":"png"}}}}},"source":"stored"},"created_at":"2026-11-30T16:50:57.333Z","charged":true,"version":5,"attempts":1,"progress":20,"state":{"name":"failed","at":"2026-11-30T16:51:02.012Z","failure":{"code":"invalid_image","message":"the JPEG file is damaged or incomplete","retryable":false}},"expires_at":"2026-12-07T16:51:02.012Z","drop":{"origin":{"path":"drops/shop/studio/damaged.jpg","bucket":"folder","version":"1796057456327326471-18","sequencer":"18ECE0BDD4781853"},"reported":true,"reminders":0,"remind_at":null}}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-e69b-72f4-abee-cc025345c5f4', 'shop', 7, 'done', NULL, 1796662263360, '{"id":"01a22d5d-e69b-72f4-abee-cc025345c5f4","owner":"shop","order":{"mode":"params","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":{"name":"studio","revision":"01a22d5d-deb0-72ee-8027-93c2958c79cb","set":{"version":1,"canvas":{"width":640,"height":480},"background":{"color":"#f5f5f5"},"margin":"5%","align":{"x":"center","y":"bottom","by":"box"},"enlargement":2.0,"shadow_top":{"opacity":0.35,"blur":"4%","spread":"1%","color":"#000000"},"variations":["background","compose","shadowTop"],"final":"compose","output":{"format":"jpeg","quality":82,"per_variation":{"background":{"format":"png"}}}}},"source":"stored"},"created_at":"2026-11-30T16:50:58.332Z","charged":true,"version":7,"attempts":1,"progress":100,"state":{"name":"done","at":"2026-11-30T16:51:03.36Z","outcome":{"pictures":{"background":{"key":{"output":{"job":"01a22d5d-e69b-72f4-abee-cc025345c5f4","lease":"01a22d5d-f500-7500-88a3-051b1d35a642","variation":"background","format":"png"}},"bytes":64423,"width":300,"height":200},"compose":{"key":{"output":{"job":"01a22d5d-e69b-72f4-abee-cc025345c5f4","lease":"01a22d5d-f500-7500-88a3-051b1d35a642","variation":"compose","format":"jpeg"}},"bytes":36899,"width":640,"height":480},"shadowTop":{"key":{"output":{"job":"01a22d5d-e69b-72f4-abee-cc025345c5f4","lease":"01a22d5d-f500-7500-88a3-051b1d35a642","variation":"shadowTop","format":"jpeg"}},"bytes":37554,"width":640,"height":480}},"final_picture":"compose","assets":{"matte":{"key":{"asset":{"job":"01a22d5d-e69b-72f4-abee-cc025345c5f4","lease":"01a22d5d-f500-7500-88a3-051b1d35a642","kind":"matte"}},"bytes":4418}},"confidence":0.939,"warnings":{"compose":["The subject was enlarged 2.3 times, above 2 times; use a larger photograph for a sharp picture."],"shadowTop":["The subject was enlarged 2.3 times, above 2 times; use a larger photograph for a sharp picture."]},"ignored":[],"pipeline_version":"0.1.0+b6e8497b.309c8469"}},"expires_at":"2026-12-07T16:51:03.36Z","drop":{"origin":{"path":"drops/shop/studio/done.jpg","bucket":"folder","version":"1796057456323234662-14893","sequencer":"18ECE0BE10072293"},"reported":true,"reminders":0,"remind_at":null}}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-fb02-7782-b397-8c20e2b9701b', 'shop', 3, 'running', 1796057554652, NULL, '{"id":"01a22d5d-fb02-7782-b397-8c20e2b9701b","owner":"shop","order":{"mode":"background","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":null,"source":"stored"},"created_at":"2026-11-30T16:51:03.555Z","charged":true,"version":3,"attempts":1,"progress":20,"state":{"name":"running","step":"background","lease":{"token":"01a22d5d-ff4d-73a9-ab65-7d07f8af18b2","until":"2026-11-30T16:52:34.652Z"}},"expires_at":null}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-fb04-76cb-a600-8bb96f71a9f1', 'shop', 1, 'queued', 1796057583557, NULL, '{"id":"01a22d5d-fb04-76cb-a600-8bb96f71a9f1","owner":"shop","order":{"mode":"clipping","delivery":"url","format":"webp","rendering":{"channels":"rgba","quality":null,"lossless":true,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":null,"source":"stored"},"created_at":"2026-11-30T16:51:03.557Z","charged":true,"version":1,"attempts":0,"progress":0,"state":{"name":"queued","since":"2026-11-30T16:51:03.557Z","ready_at":"2026-11-30T16:51:03.557Z","resend_at":"2026-11-30T16:53:03.557Z","resends":0},"expires_at":null}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-fb06-77df-baa6-c5b6cccd096b', 'shop', 1, 'queued', 1796057583558, NULL, '{"id":"01a22d5d-fb06-77df-baa6-c5b6cccd096b","owner":"shop","order":{"mode":"background","delivery":"final_url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":null,"source":{"url":"http://127.0.0.1:44459/photo.jpg"}},"created_at":"2026-11-30T16:51:03.558Z","charged":true,"version":1,"attempts":0,"progress":0,"state":{"name":"queued","since":"2026-11-30T16:51:03.558Z","ready_at":"2026-11-30T16:51:03.558Z","resend_at":"2026-11-30T16:53:03.558Z","resends":0},"expires_at":null}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-fb07-72b8-8887-2bda261c4bcd', 'shop', 1, 'queued', 1796057583560, NULL, '{"id":"01a22d5d-fb07-72b8-8887-2bda261c4bcd","owner":"shop","order":{"mode":"params","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":{"name":null,"revision":null,"set":{"version":1,"canvas":{"aspect":"1:1"},"background":{"image_url":"http://127.0.0.1:44459/photo.jpg","fit":"tile"}}},"source":"stored"},"created_at":"2026-11-30T16:51:03.56Z","charged":true,"version":1,"attempts":0,"progress":0,"state":{"name":"queued","since":"2026-11-30T16:51:03.56Z","ready_at":"2026-11-30T16:51:03.56Z","resend_at":"2026-11-30T16:53:03.56Z","resends":0},"expires_at":null}');

INSERT INTO jobs (id, owner, version, state, due_at, expires_at, document) VALUES
    ('01a22d5d-fef3-77d9-8a0d-d3544153b285', 'shop', 1, 'queued', 1796057584564, NULL, '{"id":"01a22d5d-fef3-77d9-8a0d-d3544153b285","owner":"shop","order":{"mode":"params","delivery":"url","format":null,"rendering":{"channels":"rgba","quality":null,"dpi":null,"path":{"name":"Cutline Path","flatness":null,"inset":0.0}},"set":{"name":"studio","revision":"01a22d5d-deb0-72ee-8027-93c2958c79cb","set":{"version":1,"canvas":{"width":640,"height":480},"background":{"color":"#f5f5f5"},"margin":"5%","align":{"x":"center","y":"bottom","by":"box"},"enlargement":2.0,"shadow_top":{"opacity":0.35,"blur":"4%","spread":"1%","color":"#000000"},"variations":["background","compose","shadowTop"],"final":"compose","output":{"format":"jpeg","quality":82,"per_variation":{"background":{"format":"png"}}}}},"source":"stored"},"created_at":"2026-11-30T16:51:04.564Z","charged":true,"version":1,"attempts":0,"progress":0,"state":{"name":"queued","since":"2026-11-30T16:51:04.564Z","ready_at":"2026-11-30T16:51:04.564Z","resend_at":"2026-11-30T16:53:04.564Z","resends":0},"expires_at":null,"drop":{"origin":{"path":"drops/shop/studio/waiting.jpg","bucket":"folder","version":"1796057463556077195-14893","sequencer":"18ECE0BF8376C68A"},"reported":false,"reminders":0,"remind_at":null}}');

INSERT INTO keys (hash, owner, label, created_at, revoked_at) VALUES
    ('0be7250563d63732bf86b6be456b6d96ad13044fc37368641b6dcf11d3e6734b', 'shop', 'recorded', 1796057454121, NULL);

INSERT INTO keys (hash, owner, label, created_at, revoked_at) VALUES
    ('6ef802aaa6ea707fc5e080a792ba73e137db82f1c4b2019123f2f4618b7bcd75', 'shop', 'recorded', 1796057454131, 1796057454137);

INSERT INTO messages (id, queue, body, sent_at, visible_at, receive_count, in_flight) VALUES
    (1, 'jobs', '{"job_id":"01a22d5d-de49-7570-9c1a-3a69916b0c02"}', 1796057456202, 1796057487954, 1, 0);

INSERT INTO messages (id, queue, body, sent_at, visible_at, receive_count, in_flight) VALUES
    (10, 'jobs', '{"job_id":"01a22d5d-fb06-77df-baa6-c5b6cccd096b"}', 1796057463558, 1796057463558, 0, 0);

INSERT INTO messages (id, queue, body, sent_at, visible_at, receive_count, in_flight) VALUES
    (11, 'jobs', '{"job_id":"01a22d5d-fb07-72b8-8887-2bda261c4bcd"}', 1796057463560, 1796057463560, 0, 0);

INSERT INTO messages (id, queue, body, sent_at, visible_at, receive_count, in_flight) VALUES
    (12, 'jobs', '{"job_id":"01a22d5d-fef3-77d9-8a0d-d3544153b285"}', 1796057464564, 1796057464564, 0, 0);

INSERT INTO messages (id, queue, body, sent_at, visible_at, receive_count, in_flight) VALUES
    (8, 'jobs', '{"job_id":"01a22d5d-fb02-7782-b397-8c20e2b9701b"}', 1796057463556, 1796057584651, 1, 1);

INSERT INTO messages (id, queue, body, sent_at, visible_at, receive_count, in_flight) VALUES
    (9, 'jobs', '{"job_id":"01a22d5d-fb04-76cb-a600-8bb96f71a9f1"}', 1796057463557, 1796057463557, 0, 0);

INSERT INTO owners (id, credits) VALUES
    ('shop', 90);

INSERT INTO param_sets (owner, name, revision, updated_at, document) VALUES
    ('shop', 'studio', '01a22d5ddeb072ee802793c2958c79cb', 1796057456304, '{"version":1,"canvas":{"width":640,"height":480},"background":{"color":"#f5f5f5"},"margin":"5%","align":{"x":"center","y":"bottom","by":"box"},"enlargement":2.0,"shadow_top":{"opacity":0.35,"blur":"4%","spread":"1%","color":"#000000"},"variations":["background","compose","shadowTop"],"final":"compose","output":{"format":"jpeg","quality":82,"per_variation":{"background":{"format":"png"}}}}');

DELETE FROM sqlite_sequence WHERE name = 'messages';
INSERT INTO sqlite_sequence (name, seq) VALUES ('messages', 12);
