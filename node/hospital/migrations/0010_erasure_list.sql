-- How much of the list of erasures, which lies apart, this file has taken over. A file that was brought back has taken over less.
CREATE TABLE erasure_list (
    id     INTEGER PRIMARY KEY CHECK (id = 0),
    lines  INTEGER NOT NULL,
    digest BLOB NOT NULL                     -- of the list up to and including those lines
) STRICT;
