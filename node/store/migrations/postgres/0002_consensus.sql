-- What validators decide by. Same shape as for SQLite.

-- One row a decided block: the precommits that decided it.
CREATE TABLE certificate (
    height      BIGINT  PRIMARY KEY REFERENCES block (height), -- the block's
    signatures  BIGINT  NOT NULL,                    -- how many; a certificate with more replaces one with fewer
    bytes       BYTEA   NOT NULL                     -- canonical bytes of the certificate
);

-- Proposals for the next height, for a validator that starts again in the middle of it. Deleted when the block is decided.
CREATE TABLE proposal (
    height      BIGINT  NOT NULL,                    -- height it is for
    round       BIGINT  NOT NULL,                    -- round it was made in, from 0
    block       BYTEA   NOT NULL,                    -- id of the proposed block, 32 bytes
    bytes       BYTEA   NOT NULL,                    -- the proposal as the validator encodes it
    PRIMARY KEY (height, round, block)
);
