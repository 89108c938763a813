-- What patients took from what they had signed, by their own keys. A new document that a person has looked at ends it.
CREATE TABLE narrowed (
    patient TEXT NOT NULL,                   -- the hospital's own id
    scope   TEXT NOT NULL,                   -- by name
    PRIMARY KEY (patient, scope)
) STRICT, WITHOUT ROWID;

-- Slots whose note was taken: each once.
CREATE TABLE narrowing_taken (
    slot INTEGER PRIMARY KEY
) STRICT;

-- The ledger's day on which this file heard that the slot had left by its key; NULL: of before this column.
ALTER TABLE left_by_key ADD COLUMN heard INTEGER;
