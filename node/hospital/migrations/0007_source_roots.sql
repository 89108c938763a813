-- What an anchor says of the records behind it, segment by segment, for audits of one record.

ALTER TABLE opening ADD COLUMN source_seed BLOB;        -- 32 bytes: salts of the leaves follow from it; NULL once a row of the segment is erased or the opening destroyed, for consents, and of before this column
ALTER TABLE opening ADD COLUMN source_root BLOB;        -- 32 bytes, public with the anchor: kept, as the paths of other segments need it
