-- Who was erased gets no slot from the files of yesterday. No name is kept: a hash under a key of this file.
CREATE TABLE erased (
    patient    BLOB PRIMARY KEY,             -- keyed hash of the hospital's own id
    readmitted INTEGER NOT NULL DEFAULT 0    -- 1 once a new document lets the person have a row again
        CHECK (readmitted IN (0, 1))
) STRICT, WITHOUT ROWID;
