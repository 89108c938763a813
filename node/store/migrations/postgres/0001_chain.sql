-- The chain of one network. Everything here can be checked from genesis; nothing here is a secret. Same shape as for SQLite.

-- One row: what the network started from.
CREATE TABLE genesis (
    "only"    BIGINT  PRIMARY KEY CHECK ("only" = 1),  -- there is one genesis
    network   BYTEA   NOT NULL,                        -- network id: hash of the genesis, 32 bytes
    bytes     BYTEA   NOT NULL                         -- canonical bytes of the genesis
);

-- One row a decided block.
CREATE TABLE block (
    height    BIGINT  PRIMARY KEY,                     -- from 1, without gaps
    id        BYTEA   NOT NULL UNIQUE,                 -- hash of the header, 32 bytes
    time_ms   BIGINT  NOT NULL,                        -- block time, milliseconds since 1970 UTC
    header    BYTEA   NOT NULL                         -- canonical bytes of the header
);

-- One row a transaction of a block, with what became of it.
CREATE TABLE entry (
    height    BIGINT  NOT NULL REFERENCES block (height),
    position  BIGINT  NOT NULL,                        -- order of execution in the block, from 0
    id        BYTEA   NOT NULL UNIQUE,                 -- hash of the signed transaction, 32 bytes
    signer    BYTEA   NOT NULL,                        -- member's public key, 32 bytes
    kind      TEXT    NOT NULL,                        -- kind of payload
    code      BIGINT,                                  -- rejection code; null if accepted
    bytes     BYTEA   NOT NULL,                        -- canonical bytes of the signed transaction
    result    BYTEA   NOT NULL,                        -- canonical bytes of the result, the message included
    PRIMARY KEY (height, position)
);

CREATE INDEX entry_by_signer ON entry (signer, height, position);

-- States at some heights: they make opening faster and can always be thrown away.
CREATE TABLE snapshot (
    height    BIGINT  PRIMARY KEY REFERENCES block (height),
    bytes     BYTEA   NOT NULL                         -- State::snapshot; compared with the header's state digest when read
);

-- Sealed answers: ciphertexts only.
CREATE TABLE blob (
    digest    BYTEA   PRIMARY KEY,                     -- SHA-256 of the bytes, as the answer names it
    bytes     BYTEA   NOT NULL                         -- ciphertext
);
