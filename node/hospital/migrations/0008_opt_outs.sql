-- Where the list of people who objected elsewhere lies. It is read before every anchor and every answer.
CREATE TABLE opt_out_list (
    id     INTEGER PRIMARY KEY CHECK (id = 0),
    path   TEXT NOT NULL,
    people INTEGER NOT NULL                  -- on it when it was read last: one that shrinks is for a person to look at
) STRICT;
