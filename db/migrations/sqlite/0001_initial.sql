-- Schema 1.  Numbers in action, state, type, verdict, orientation and look are the enums of
-- db/records.h and hashing/*.h; store_sqlite.h pins them.  Times are milliseconds since 1970.

-- The one row that every writing transaction locks: generations become visible in order.
CREATE TABLE counter (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO counter VALUES (1, 0);

CREATE TABLE banks (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    sharing TEXT NOT NULL,
    action INTEGER NOT NULL CHECK (action BETWEEN 0 AND 2),
    threshold INTEGER NOT NULL CHECK (threshold BETWEEN 0 AND 63),
    labels TEXT NOT NULL, -- separated by one space
    active INTEGER NOT NULL DEFAULT 0, -- entries in state active
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT;

-- AUTOINCREMENT: a number is never given twice, whatever is deleted.
CREATE TABLE entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    bank INTEGER NOT NULL REFERENCES banks (number),
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 1),
    reason TEXT NOT NULL,
    case_ref TEXT NOT NULL,
    source TEXT NOT NULL,
    media_type TEXT NOT NULL,
    import_id TEXT NOT NULL,
    labels TEXT NOT NULL, -- separated by spaces
    created_by TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_by_bank ON entries (bank, id);

CREATE TABLE signals (
    entry INTEGER NOT NULL REFERENCES entries (number),
    position INTEGER NOT NULL,
    bank INTEGER NOT NULL, -- the entry's, for the index below
    type INTEGER NOT NULL CHECK (type BETWEEN 0 AND 3),
    value BLOB NOT NULL CHECK (length(value) IN (32, 20, 16)),
    quality INTEGER NOT NULL, -- -1: none
    ms INTEGER NOT NULL, -- -1: none
    PRIMARY KEY (entry, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX signals_by_value ON signals (bank, type, value);

-- What followers read.  kind: 0 bank, 1 entry, 2 key; ref: its number.
CREATE TABLE changes (
    generation INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    ref INTEGER NOT NULL,
    PRIMARY KEY (generation, kind, ref)
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes INTEGER NOT NULL,
    token_sha256 BLOB NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    every_bank INTEGER NOT NULL CHECK (every_bank BETWEEN 0 AND 1), -- else those of key_banks
    rate REAL NOT NULL,
    burst REAL NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL, -- 0: never
    revoked_ms INTEGER NOT NULL, -- 0: not revoked
    created_by TEXT NOT NULL
) STRICT;

CREATE TABLE key_banks (
    key INTEGER NOT NULL REFERENCES keys (number),
    bank INTEGER NOT NULL REFERENCES banks (number),
    PRIMARY KEY (key, bank)
) STRICT, WITHOUT ROWID;

-- Checks that matched, as they were decided: no reference may ever stop one from being recorded.
CREATE TABLE decisions (
    number INTEGER PRIMARY KEY,
    check_id BLOB NOT NULL UNIQUE CHECK (length(check_id) = 16),
    at_ms INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    verdict INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT;

CREATE TABLE decision_matches (
    decision INTEGER NOT NULL REFERENCES decisions (number),
    position INTEGER NOT NULL,
    entry BLOB NOT NULL,
    bank INTEGER NOT NULL,
    action INTEGER NOT NULL,
    type INTEGER NOT NULL,
    distance INTEGER NOT NULL,
    threshold INTEGER NOT NULL,
    orientation INTEGER NOT NULL,
    look INTEGER NOT NULL,
    ms INTEGER NOT NULL,
    entry_ms INTEGER NOT NULL,
    PRIMARY KEY (decision, position)
) STRICT, WITHOUT ROWID;

-- seq has no gaps; chain is sha256 over the previous chain value and this row (audit_chain.h).
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    bank TEXT NOT NULL,
    target TEXT NOT NULL,
    reason TEXT NOT NULL,
    details TEXT NOT NULL,
    generation INTEGER NOT NULL,
    chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;
