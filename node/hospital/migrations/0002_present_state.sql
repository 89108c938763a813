-- What is anchored is compared with the ledger and with every row and grant, and withdrawals are journalled.

-- Keys that never leave this file.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- An import is planned in the step that reads it: its rows are kept nowhere but in the openings.
DROP TABLE imported;
DROP INDEX anchor_content;                              -- an earlier content may come again: only the unfinished anchor is recognised

ALTER TABLE anchor ADD COLUMN mapping BLOB;             -- hash of the mapping the rows were read with
ALTER TABLE anchor ADD COLUMN policy BLOB;              -- hash of what reduced consents to scopes
ALTER TABLE anchor ADD COLUMN report BLOB;              -- hash of the import report, before the salt
ALTER TABLE anchor ADD COLUMN report_salt BLOB;         -- its salt: the ledger sees the salted hash only

ALTER TABLE opening ADD COLUMN provenance BLOB;         -- mapping (data) or policy (consent); NULL: of before this column, anchored anew

-- Slots to be taken out of force on the ledger. They are out of use here from the moment they stand in this table.
CREATE TABLE withdrawal (
    id       INTEGER PRIMARY KEY,                       -- counts up
    slots    BLOB NOT NULL,                             -- u32 little-endian, ascending
    state    INTEGER NOT NULL                           -- 0 to be signed, 1 stored, 2 submitted, 3 done
        CHECK (state BETWEEN 0 AND 3),
    bytes    BLOB,                                      -- signed transaction
    height   INTEGER,                                   -- block that holds it, once confirmed
    CHECK ((state IN (1, 2)) <= (bytes IS NOT NULL))
) STRICT;
CREATE INDEX withdrawal_open ON withdrawal (id) WHERE state < 3;
