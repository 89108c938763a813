-- What rule D7 looks at first, without the pages that people's ids fill.
CREATE INDEX row_set_size ON row_set (size, id, counts);
