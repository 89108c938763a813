-- The hospital's own keeping. Everything here is secret: the file has mode 600 and never leaves the hospital.

-- One row a slot that was ever given out. A slot is never given out twice.
CREATE TABLE slot (
    slot    INTEGER PRIMARY KEY,             -- index over all segments: segment = slot / 2048
    patient TEXT,                            -- the hospital's own id; NULL once erased
    row_id  INTEGER UNIQUE,                  -- random id for the memory of released cells; NULL once erased
    state   INTEGER NOT NULL                 -- 0 in use, 1 withdrawn, 2 erased; only ever grows
        CHECK (state BETWEEN 0 AND 2)
) STRICT;
CREATE UNIQUE INDEX slot_live ON slot (patient) WHERE state = 0;
CREATE INDEX slot_patient ON slot (patient);

-- Patients who withdrew and have signed nothing since: they get no slot.
CREATE TABLE withdrawn (
    patient TEXT PRIMARY KEY                 -- the hospital's own id
) STRICT, WITHOUT ROWID;

-- Row ids of erased slots, so that none is given out again. Linked to nothing.
CREATE TABLE retired_row_id (
    row_id INTEGER PRIMARY KEY               -- as slot.row_id once was
) STRICT;

-- One row an attempt to anchor a content.
CREATE TABLE anchor (
    id            INTEGER PRIMARY KEY,       -- counts up
    content       BLOB NOT NULL,             -- digest of what is anchored (import report, consents, dictionary)
    data_table    BLOB NOT NULL,             -- dictionary digest
    consent_table BLOB NOT NULL,             -- scope registry digest
    stage         INTEGER NOT NULL           -- 0 imported, 1 planned, 2 built, 3 done, 4 rejected, 5 abandoned
        CHECK (stage BETWEEN 0 AND 5),
    reason        TEXT                       -- why the ledger rejected it
) STRICT;
CREATE UNIQUE INDEX anchor_content ON anchor (content) WHERE stage < 4;
CREATE UNIQUE INDEX anchor_running ON anchor ((1)) WHERE stage < 3;

-- Imported rows with their consents, kept only until the anchor is planned.
CREATE TABLE imported (
    anchor  INTEGER NOT NULL REFERENCES anchor (id),
    patient TEXT NOT NULL,                   -- the hospital's own id
    levels  BLOB NOT NULL,                   -- u32 little-endian per attribute; 2^32 - 1: missing
    grants  BLOB NOT NULL,                   -- i32 little-endian per scope: last valid day since 1970; -2^31: no
    PRIMARY KEY (anchor, patient)
) STRICT, WITHOUT ROWID;

-- Openings of segments.
CREATE TABLE opening (
    kind      INTEGER NOT NULL CHECK (kind IN (0, 1)), -- 0 data, 1 consent
    table_id  BLOB NOT NULL,                 -- dictionary or scope registry digest
    segment   INTEGER NOT NULL,              -- index of the segment
    version   INTEGER NOT NULL,              -- counts the segment's anchors; never used twice
    anchor    INTEGER NOT NULL REFERENCES anchor (id),
    state     INTEGER NOT NULL               -- 0 planned, 1 prepared, 2 submitted, 3 anchored, 4 destroyed
        CHECK (state BETWEEN 0 AND 4),
    codes     BLOB,                          -- u16 little-endian, block by block; NULL once destroyed
    blinders  BLOB,                          -- 32 bytes a matrix row; NULL before prepared and once destroyed
    points    BLOB,                          -- 32 bytes a matrix row (public); NULL before prepared
    sequence  INTEGER,                       -- the transaction of its anchor that carries it
    height    INTEGER,                       -- where it was anchored
    PRIMARY KEY (kind, table_id, segment, version),
    CHECK (state IN (0, 4) OR blinders IS NOT NULL),
    CHECK (state = 4 OR codes IS NOT NULL),
    CHECK (state <> 4 OR (codes IS NULL AND blinders IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX opening_anchor ON opening (anchor);

-- Transactions of an anchor, in the order of submission. Their bytes never change.
CREATE TABLE anchor_transaction (
    anchor    INTEGER NOT NULL REFERENCES anchor (id),
    sequence  INTEGER NOT NULL,              -- from 0
    bytes     BLOB NOT NULL,                 -- signed transaction
    state     INTEGER NOT NULL               -- 0 stored, 1 submitted, 2 confirmed
        CHECK (state BETWEEN 0 AND 2),
    height    INTEGER,                       -- block that holds it, once confirmed
    PRIMARY KEY (anchor, sequence)
) STRICT, WITHOUT ROWID;

-- One row a query this hospital saw.
CREATE TABLE answer (
    query    BLOB PRIMARY KEY,               -- transaction id of the query
    arrived  INTEGER NOT NULL,               -- height of the query's block: the oldest is worked on first
    stage    INTEGER NOT NULL                -- 0 open, 1 stored, 2 submitted, 3 confirmed
        CHECK (stage BETWEEN 0 AND 3),
    attempts INTEGER NOT NULL,               -- proofs begun; each with salts of its own, which are never kept
    kind     INTEGER,                        -- 0 answer, 1 refusal; NULL while open
    bytes    BLOB,                           -- signed transaction; NULL while open, then unchanged until the ledger decides
    height   INTEGER,                        -- block that holds it, once confirmed
    CHECK ((stage = 0) = (bytes IS NULL) AND (stage = 0) = (kind IS NULL))
) STRICT, WITHOUT ROWID;

-- Row sets of cells that left (or are about to leave) the hospital, for the overlap rule D7. No person, no slot number.
CREATE TABLE released (
    query BLOB NOT NULL REFERENCES answer (query),
    gate  INTEGER NOT NULL,                  -- index of the gate in its statement
    size  INTEGER NOT NULL,                  -- rows in the set
    rows  BLOB NOT NULL,                     -- compressed bitmap of row ids
    PRIMARY KEY (query, gate)
) STRICT, WITHOUT ROWID;
CREATE INDEX released_size ON released (size, query, gate);
