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

-- Records of an answer of an API; ids are below 0, and those of the records are
-- id << 16 | number, as with pages.
CREATE TABLE IF NOT EXISTS answer (
  id      INTEGER PRIMARY KEY,
  site    INTEGER NOT NULL,
  source  TEXT NOT NULL,
  name    TEXT NOT NULL,
  url     TEXT NOT NULL,
  at      INTEGER NOT NULL,
  records INTEGER NOT NULL
);

-- To which answer of its API, from 0, a row of `answer` belongs.
CREATE TABLE IF NOT EXISTS numbered (
  id     INTEGER PRIMARY KEY,
  number INTEGER NOT NULL
);

-- Sitemaps, lists and APIs, and what became of each when it was last asked.
-- kind: sitemap, list, api; state: waiting, reading, done, failed. address: where
-- a sitemap is that no sites file names, `nesting` indexes below the first;
-- asked: whether somebody named it.
CREATE TABLE IF NOT EXISTS source (
  id      INTEGER PRIMARY KEY,
  site    INTEGER NOT NULL,
  key     TEXT NOT NULL,
  kind    TEXT NOT NULL,
  name    TEXT NOT NULL,
  state   TEXT NOT NULL,
  read    INTEGER NOT NULL DEFAULT 0,
  urls    INTEGER NOT NULL DEFAULT 0,
  bad     INTEGER NOT NULL DEFAULT 0,
  problem TEXT NOT NULL DEFAULT '',
  at      INTEGER NOT NULL,
  address TEXT,
  nesting INTEGER NOT NULL DEFAULT 0,
  asked   INTEGER NOT NULL DEFAULT 1,
  UNIQUE (site, key)
);

-- Digests of the page's text.
CREATE TABLE IF NOT EXISTS content (
  id    INTEGER PRIMARY KEY,
  site  INTEGER NOT NULL,
  exact INTEGER NOT NULL,
  near  INTEGER NOT NULL
);

-- How far an API has been read, as JSON.
CREATE TABLE IF NOT EXISTS progress (
  site   INTEGER NOT NULL,
  source TEXT NOT NULL,
  key    TEXT NOT NULL,
  mark   TEXT NOT NULL,
  PRIMARY KEY (site, source)
) WITHOUT ROWID;

-- One row a round of crawling again; the first crawl, round 1, has none.
-- upto, last: pages up to `last` that had ended by `until` are asked again, and
-- those up to `upto` stand in the queue already.
CREATE TABLE IF NOT EXISTS round (
  site      INTEGER NOT NULL,
  number    INTEGER NOT NULL,
  began     INTEGER NOT NULL,
  ended     INTEGER,
  upto      INTEGER NOT NULL,
  last      INTEGER NOT NULL,
  until     INTEGER NOT NULL,
  fresh     INTEGER NOT NULL DEFAULT 0,
  changed   INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  gone      INTEGER NOT NULL DEFAULT 0,
  -- Bytes of unchanged bodies that were not sent again.
  spared    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (site, number)
) WITHOUT ROWID;

-- What the last good answer of a page is known by: its validators, a digest of
-- its body, and one of the rules by which links and fields were taken.
CREATE TABLE IF NOT EXISTS seen (
  id       INTEGER PRIMARY KEY,
  digest   INTEGER,
  rules    INTEGER NOT NULL,
  etag     TEXT,
  modified TEXT
);

-- What became of a page that waits to be asked again, as in `page`; its records
-- and its redirect stand where they are. `rank` is its place in the queue.
CREATE TABLE IF NOT EXISTS again (
  id           INTEGER PRIMARY KEY,
  rank         INTEGER NOT NULL,
  site         INTEGER NOT NULL,
  outcome      INTEGER NOT NULL,
  reason       TEXT,
  status       INTEGER,
  attempts     INTEGER NOT NULL,
  bytes        INTEGER NOT NULL,
  content_type TEXT,
  fetched_at   INTEGER,
  elapsed_ms   INTEGER,
  rung         TEXT,
  ended_at     INTEGER NOT NULL,
  canonical    TEXT
);

-- kind: 1 new, 2 changed, 3 gone. fields: JSON, see store::change.
CREATE TABLE IF NOT EXISTS change (
  id     INTEGER PRIMARY KEY,
  site   INTEGER NOT NULL,
  round  INTEGER NOT NULL,
  page   INTEGER NOT NULL,
  kind   INTEGER NOT NULL,
  reason TEXT,
  at     INTEGER NOT NULL,
  fields TEXT NOT NULL
);

-- The picture that was last made of a page: its path in the job's folder.
CREATE TABLE IF NOT EXISTS picture (
  id   INTEGER PRIMARY KEY,
  file TEXT NOT NULL
);

-- Shapes of URLs of which a site may have no end, by a number made of kind and
-- shape: pages taken, links left out.
CREATE TABLE IF NOT EXISTS trap (
  site   INTEGER NOT NULL,
  key    INTEGER NOT NULL,
  kind   INTEGER NOT NULL,
  shape  TEXT NOT NULL,
  taken  INTEGER NOT NULL,
  missed INTEGER NOT NULL,
  PRIMARY KEY (site, key)
) WITHOUT ROWID;

-- Links that traps left out, to be taken up when they are lifted.
CREATE TABLE IF NOT EXISTS left_out (
  site  INTEGER NOT NULL,
  trap  INTEGER NOT NULL,
  print INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  url   TEXT NOT NULL,
  PRIMARY KEY (site, trap, print)
) WITHOUT ROWID;

-- What a site has learned of where its pages are had, by the rung. entries: 16
-- bytes for each family of pages or host: its number (8), the page it was last
-- learned from (4), pages begun since a lower rung was tried (2), trust (1), and
-- flags (1): 1 a host, 2 a lower rung was seen to fail. Little-endian.
CREATE TABLE IF NOT EXISTS learned (
  site    INTEGER NOT NULL,
  rung    TEXT NOT NULL,
  entries BLOB NOT NULL,
  PRIMARY KEY (site, rung)
) WITHOUT ROWID;

-- What each rung of a site did in its last run, as JSON: attempts, pages had,
-- failures, blocks and latencies as they were last seen.
CREATE TABLE IF NOT EXISTS figures (
  site    INTEGER NOT NULL,
  rung    TEXT NOT NULL,
  figures TEXT NOT NULL,
  PRIMARY KEY (site, rung)
) WITHOUT ROWID;

-- Sites whose records and marks of APIs were made those of another document,
-- without the network; digest is that document's.
CREATE TABLE IF NOT EXISTS reworked (
  site   INTEGER PRIMARY KEY,
  digest INTEGER NOT NULL
);
