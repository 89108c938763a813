-- The state of the list of erasures, which lies apart, that this file has taken over. A file that was brought back has an earlier one.
CREATE TABLE erasure_list (
    id     INTEGER PRIMARY KEY CHECK (id = 0),
    digest BLOB NOT NULL                     -- of its whole lines
) STRICT;
