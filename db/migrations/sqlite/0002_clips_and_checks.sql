-- Schema 2: how a bank matches clips, and checks that outlive the request that asked for them.

ALTER TABLE banks ADD COLUMN bank_match_percent INTEGER NOT NULL DEFAULT 80
    CHECK (bank_match_percent BETWEEN 1 AND 100);
ALTER TABLE banks ADD COLUMN query_match_percent INTEGER NOT NULL DEFAULT 0
    CHECK (query_match_percent BETWEEN 0 AND 100);
ALTER TABLE banks ADD COLUMN match_run INTEGER NOT NULL DEFAULT 3 -- 0: off
    CHECK (match_run = 0 OR match_run BETWEEN 2 AND 100);

-- state: the enum check_state; node: which of the services that share a list works on it.
CREATE TABLE checks (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    key_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    node TEXT NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    status INTEGER NOT NULL, -- 0 while it runs
    answer TEXT NOT NULL, -- JSON, "" while it runs
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX checks_running ON checks (node) WHERE state = 0;
CREATE INDEX checks_ended ON checks (updated_ms) WHERE state <> 0;
