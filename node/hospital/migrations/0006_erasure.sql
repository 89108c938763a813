-- Who was erased gets no slot from the files of yesterday. No name is kept: a hash under a key of this file.
CREATE TABLE erased (
    patient BLOB PRIMARY KEY                 -- keyed hash of the hospital's own id
) STRICT, WITHOUT ROWID;
