-- The memory of released numbers: their sets of people, what they measure, and the tables they were read from.

-- A person keeps one random id over all slots: without UNIQUE.
CREATE TABLE slot_new (
    slot    INTEGER PRIMARY KEY,             -- index over all segments: segment = slot / 2048
    patient TEXT,                            -- the hospital's own id; NULL once erased
    row_id  INTEGER,                         -- the person's random id for the memory of released numbers; NULL once erased
    state   INTEGER NOT NULL                 -- 0 in use, 1 withdrawn, 2 erased; only ever grows
        CHECK (state BETWEEN 0 AND 2)
) STRICT;
INSERT INTO slot_new SELECT slot, patient, row_id, state FROM slot;
DROP TABLE slot;
ALTER TABLE slot_new RENAME TO slot;
CREATE UNIQUE INDEX slot_live ON slot (patient) WHERE state = 0;
CREATE INDEX slot_patient ON slot (patient);

-- Sets of people, each stored once. No person, no slot number.
CREATE TABLE row_set (
    id     INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL UNIQUE,             -- of its members, under a key of this file
    size   INTEGER NOT NULL,
    counts BLOB,                             -- members by id modulo 64; NULL: of before this column
    rows   BLOB NOT NULL                     -- compressed bitmap of random ids
) STRICT;

-- Numbers that left (or are about to leave) the hospital, margins included, for the overlap rule D7.
CREATE TABLE number (
    id       INTEGER PRIMARY KEY,
    query    BLOB NOT NULL REFERENCES answer (query),
    own      INTEGER NOT NULL REFERENCES row_set (id),
    base     BLOB NOT NULL,                  -- hash of the base set, as row_set.hash
    measures BLOB NOT NULL                   -- attributes measured, as they stood in a cut
) STRICT;
CREATE INDEX number_own ON number (own);
CREATE INDEX number_query ON number (query);

-- The versions of a table's segments that numbers were read from.
CREATE TABLE pinned (
    cut      BLOB PRIMARY KEY,               -- digest of the rest
    table_id BLOB NOT NULL,                  -- dictionary digest
    segments BLOB NOT NULL                   -- u32 little-endian: index, version, ...
) STRICT, WITHOUT ROWID;

INSERT INTO row_set (id, hash, size, counts, rows) SELECT row_number() OVER (ORDER BY query, gate), randomblob(32), size, NULL, rows FROM released;
INSERT INTO number (query, own, base, measures)
    SELECT query, row_number() OVER (ORDER BY query, gate), randomblob(32), x'00000000' FROM released;
DROP TABLE released;

ALTER TABLE answer ADD COLUMN sealed BLOB;   -- the ciphertext, until it has left after the answer was accepted
