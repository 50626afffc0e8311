-- What later versions added without a new format: made where it is missing.

-- The pages that a page links to, where its site keeps links: their numbers in
-- ascending order, each as the difference to the one before, in LEB128.
-- `unknown` are fingerprints of URLs that were no pages then, 8 bytes each,
-- little-endian. It stands first so that the numbers need not be read for it.
CREATE TABLE IF NOT EXISTS link (
  id      INTEGER PRIMARY KEY,
  site    INTEGER NOT NULL,
  unknown BLOB,
  targets BLOB NOT NULL
);
