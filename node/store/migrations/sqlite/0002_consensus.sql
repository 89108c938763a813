-- What validators decide by.

-- One row a decided block: the precommits that decided it. Blocks written before this migration have none.
CREATE TABLE certificate (
    height      INTEGER PRIMARY KEY REFERENCES block (height), -- the block's
    signatures  INTEGER NOT NULL,                    -- how many; a certificate with more replaces one with fewer
    bytes       BLOB    NOT NULL                     -- canonical bytes of the certificate
) STRICT;

-- Proposals for the next height, for a validator that starts again in the middle of it. Deleted when the block is decided.
CREATE TABLE proposal (
    height      INTEGER NOT NULL,                    -- height it is for
    round       INTEGER NOT NULL,                    -- round it was made in, from 0
    block       BLOB    NOT NULL,                    -- id of the proposed block, 32 bytes
    bytes       BLOB    NOT NULL,                    -- the proposal as the validator encodes it
    PRIMARY KEY (height, round, block)
) STRICT;
