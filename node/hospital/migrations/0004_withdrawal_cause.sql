-- A withdrawal says why, and when the hospital heard of it.

ALTER TABLE withdrawal ADD COLUMN cause INTEGER NOT NULL DEFAULT 0   -- 0 on the patient's word, 1 by what the hospital reads
    CHECK (cause IN (0, 1));
ALTER TABLE withdrawal ADD COLUMN received INTEGER;                  -- day since 1970 on which the hospital heard of it; NULL: the day it is signed on
