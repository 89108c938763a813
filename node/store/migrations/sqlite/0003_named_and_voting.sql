-- Which sealed answers may be kept, and what this node's engine may have voted for.

-- One row a sealed answer that an accepted answer names, written with its block.
CREATE TABLE named (
    digest       BLOB    PRIMARY KEY,                   -- SHA-256 of the ciphertext
    height       INTEGER NOT NULL REFERENCES block (height) -- block of the answer
) STRICT;

-- At most one row: what is known of the votes this node has made.
CREATE TABLE voting (
    only         INTEGER PRIMARY KEY CHECK (only = 1),  -- there is one
    engine       INTEGER NOT NULL,                      -- height the engine was last told to work on; it has voted at none above
    before       INTEGER NOT NULL,                      -- height its write-ahead log was for when that was written
    silent_until INTEGER                                -- no vote at this height or below; null while that is not known
) STRICT;

-- A validator that comes from an earlier version has its log, which is for the next height or the last one.
INSERT INTO voting ("only", engine, before, silent_until) SELECT 1, MAX(height) + 1, MAX(height), 0 FROM block HAVING COUNT(*) > 0;
