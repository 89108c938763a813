-- Which sealed answers may be kept, and what this node's engine may have voted for. Same shape as for SQLite.

-- One row a sealed answer that an accepted answer names, written with its block.
CREATE TABLE named (
    digest       BYTEA   PRIMARY KEY,                   -- SHA-256 of the ciphertext
    height       BIGINT  NOT NULL REFERENCES block (height) -- block of the answer
);

-- At most one row: what is known of the votes this node has made.
CREATE TABLE voting (
    "only"       BIGINT  PRIMARY KEY CHECK ("only" = 1), -- there is one
    engine       BIGINT  NOT NULL,                      -- height the engine was last told to work on; it has voted at none above
    before       BIGINT  NOT NULL,                      -- height its write-ahead log was for when that was written
    silent_until BIGINT                                 -- no vote at this height or below; null while that is not known
);

-- A validator that comes from an earlier version has its log, which is for the next height or the last one.
INSERT INTO voting ("only", engine, before, silent_until) SELECT 1, MAX(height) + 1, MAX(height), 0 FROM block HAVING COUNT(*) > 0;
