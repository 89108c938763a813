-- Claims: codes handed to patients, and the keys that came back for them.

CREATE TABLE claim (
    id      BLOB PRIMARY KEY,                -- told from the code by a digest
    code    BLOB NOT NULL,                   -- 16 bytes; zeros once it was used
    patient TEXT NOT NULL,                   -- the hospital's own id
    expires INTEGER NOT NULL,                -- milliseconds since 1970
    used    INTEGER NOT NULL DEFAULT 0       -- 1 once keys came for it
        CHECK (used IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_patient ON claim (patient);

-- Slots that patients' own keys took out, once their people are held back here. Who signs a new document later is not held back by them again.
CREATE TABLE left_by_key (
    slot INTEGER PRIMARY KEY                 -- index over all segments
) STRICT;

-- Keys of patients, in the order in which they stand for slots. Public once enrolled; whose they are never is.
CREATE TABLE patient_key (
    patient    TEXT NOT NULL,                -- the hospital's own id
    number     INTEGER NOT NULL,             -- from 0
    key        BLOB NOT NULL UNIQUE,         -- Ed25519
    possession BLOB NOT NULL,                -- proof that somebody has its secret
    PRIMARY KEY (patient, number)
) STRICT, WITHOUT ROWID;
