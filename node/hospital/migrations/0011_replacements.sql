-- Erasures that keep cuts: versions of a segment that replace others, without the rows of slots that are out of force.

ALTER TABLE anchor ADD COLUMN erased_segment INTEGER;   -- of an erasure: which segment; NULL for all others
ALTER TABLE anchor ADD COLUMN erased_height INTEGER;    -- of an erasure: its slots are those out of force at this height
ALTER TABLE opening ADD COLUMN origin INTEGER;          -- the version that this one replaces; NULL if an import made it
ALTER TABLE opening ADD COLUMN replaced INTEGER;        -- the version that replaced this one, once that is anchored; its secrets are gone then

-- Places that erasures emptied in a version of research data and that held a row, of whomever: somebody with another place is nobody new, and may differ or not.
CREATE TABLE emptied (
    table_id BLOB NOT NULL,                  -- dictionary digest
    segment  INTEGER NOT NULL,               -- index of the segment
    version  INTEGER NOT NULL,               -- the version without the rows
    slot     INTEGER NOT NULL,               -- index over all segments
    PRIMARY KEY (table_id, segment, version, slot)
) STRICT, WITHOUT ROWID;
