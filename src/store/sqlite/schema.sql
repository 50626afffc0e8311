-- One row a known URL, written once. `print` is its fingerprint's 64 bits.
-- via: 0 start, 1 sitemap, 2 link, 3 redirect, 4 operator.
CREATE TABLE url (
  id       INTEGER PRIMARY KEY,
  site     INTEGER NOT NULL,
  print    INTEGER NOT NULL,
  depth    INTEGER NOT NULL,
  hops     INTEGER NOT NULL,
  via      INTEGER NOT NULL,
  found_on INTEGER,
  url      TEXT NOT NULL
);

-- What became of a URL is in exactly one of the next three.
-- `depth` of the queue is a page's rank: its depth, unless discover.strategy says
-- otherwise.
-- `tries` counts attempts since it was last queued, `attempts` all of them.
CREATE TABLE queue (
  site     INTEGER NOT NULL,
  depth    INTEGER NOT NULL,
  id       INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (site, depth, id)
) WITHOUT ROWID;

CREATE TABLE retry (
  site     INTEGER NOT NULL,
  due      INTEGER NOT NULL,
  id       INTEGER NOT NULL,
  tries    INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (site, due, id)
) WITHOUT ROWID;

-- outcome: 1 done, 2 failed, 3 skipped. Times are milliseconds since 1970.
CREATE TABLE page (
  id           INTEGER PRIMARY KEY,
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
CREATE INDEX ended ON page (ended_at, id, outcome, site);
CREATE INDEX failed ON page (ended_at, id, site, reason) WHERE outcome = 2;

-- Where a page redirected to: a page, or an address that is none.
CREATE TABLE redirect (
  id      INTEGER PRIMARY KEY,
  target  INTEGER,
  address TEXT
);

-- id = page << 16 | number of the attempt, from 1. A page that succeeded at
-- once has none here: its one attempt is told by its row in `page`.
CREATE TABLE attempt (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  rung       TEXT NOT NULL,
  status     INTEGER,
  kind       TEXT,
  elapsed_ms INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  detail     TEXT NOT NULL
);

-- The last answer of a failed page.
CREATE TABLE evidence (
  id      INTEGER PRIMARY KEY,
  headers TEXT NOT NULL,
  body    BLOB NOT NULL
);

-- id = page << 16 | number of the record on its page, from 0.
CREATE TABLE record (
  id     INTEGER PRIMARY KEY,
  site   INTEGER NOT NULL,
  name   TEXT NOT NULL,
  fields TEXT NOT NULL
);

-- Every field that any record has, in the order of appearance.
CREATE TABLE field (
  id     INTEGER PRIMARY KEY,
  site   INTEGER NOT NULL,
  record TEXT NOT NULL,
  field  TEXT NOT NULL
);

-- place: order in the sites file; NULL for a site that is no longer there.
-- controls and rules: JSON, what was set of the site while it ran.
CREATE TABLE site (
  key           INTEGER PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  place         INTEGER,
  digest        INTEGER NOT NULL,
  state         TEXT,
  why           TEXT,
  done          INTEGER NOT NULL DEFAULT 0,
  failed        INTEGER NOT NULL DEFAULT 0,
  skipped       INTEGER NOT NULL DEFAULT 0,
  queued        INTEGER NOT NULL DEFAULT 0,
  in_flight     INTEGER NOT NULL DEFAULT 0,
  records       INTEGER NOT NULL DEFAULT 0,
  bytes         INTEGER NOT NULL DEFAULT 0,
  concurrency   INTEGER,
  delay_ms      INTEGER,
  paused        INTEGER,
  sitemaps_done INTEGER,
  controls      TEXT,
  rules         TEXT
);

CREATE TABLE journal (
  id      INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  origin  TEXT NOT NULL,
  command TEXT NOT NULL,
  answer  TEXT NOT NULL,
  before  TEXT NOT NULL,
  after   TEXT NOT NULL,
  refused INTEGER NOT NULL
);

-- For reading by hand.
CREATE VIEW pages AS
SELECT u.id, s.name AS site, u.url,
       CASE p.outcome WHEN 1 THEN 'done' WHEN 2 THEN 'failed'
                      WHEN 3 THEN 'skipped' ELSE 'queued' END AS outcome,
       p.reason, p.status, u.depth, f.url AS found_on, p.attempts, p.bytes,
       p.content_type,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.fetched_at / 1000.0, 'unixepoch') AS fetched_at,
       p.canonical
  FROM url u
  JOIN site s ON s.key = u.site
  LEFT JOIN page p ON p.id = u.id
  LEFT JOIN url f ON f.id = u.found_on;

CREATE VIEW attempts AS
SELECT a.id >> 16 AS page, a.id & 65535 AS n, u.url,
       strftime('%Y-%m-%dT%H:%M:%fZ', a.at / 1000.0, 'unixepoch') AS at,
       a.rung, a.status, a.kind, a.elapsed_ms, a.bytes, a.detail
  FROM attempt a
  JOIN url u ON u.id = a.id >> 16;
