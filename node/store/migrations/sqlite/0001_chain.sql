-- The chain of one network. Everything here can be checked from genesis; nothing here is a secret.

-- One row: what the network started from.
CREATE TABLE genesis (
    only      INTEGER PRIMARY KEY CHECK (only = 1),  -- there is one genesis
    network   BLOB    NOT NULL,                      -- network id: hash of the genesis, 32 bytes
    bytes     BLOB    NOT NULL                       -- canonical bytes of the genesis
) STRICT;

-- One row a decided block.
CREATE TABLE block (
    height    INTEGER PRIMARY KEY,                   -- from 1, without gaps
    id        BLOB    NOT NULL UNIQUE,               -- hash of the header, 32 bytes
    time_ms   INTEGER NOT NULL,                      -- block time, milliseconds since 1970 UTC
    header    BLOB    NOT NULL                       -- canonical bytes of the header
) STRICT;

-- One row a transaction of a block, with what became of it.
CREATE TABLE entry (
    height    INTEGER NOT NULL REFERENCES block (height),
    position  INTEGER NOT NULL,                      -- order of execution in the block, from 0
    id        BLOB    NOT NULL UNIQUE,               -- hash of the signed transaction, 32 bytes
    signer    BLOB    NOT NULL,                      -- member's public key, 32 bytes
    kind      TEXT    NOT NULL,                      -- kind of payload
    code      INTEGER,                               -- rejection code; null if accepted
    bytes     BLOB    NOT NULL,                      -- canonical bytes of the signed transaction
    result    BLOB    NOT NULL,                      -- canonical bytes of the result, the message included
    PRIMARY KEY (height, position)
) STRICT;

CREATE INDEX entry_by_signer ON entry (signer, height, position);

-- States at some heights: they make opening faster and can always be thrown away.
CREATE TABLE snapshot (
    height    INTEGER PRIMARY KEY REFERENCES block (height),
    bytes     BLOB    NOT NULL                       -- State::snapshot; compared with the header's state digest when read
) STRICT;

-- Sealed answers: ciphertexts only.
CREATE TABLE blob (
    digest    BLOB    PRIMARY KEY,                   -- SHA-256 of the bytes, as the answer names it
    bytes     BLOB    NOT NULL                       -- ciphertext
) STRICT;
