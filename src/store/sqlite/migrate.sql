-- From format 1, which was without these.
ALTER TABLE site ADD COLUMN controls TEXT;
ALTER TABLE site ADD COLUMN rules TEXT;
ALTER TABLE journal ADD COLUMN before TEXT NOT NULL DEFAULT '';
ALTER TABLE journal ADD COLUMN after TEXT NOT NULL DEFAULT '';
ALTER TABLE journal ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
CREATE INDEX ended ON page (ended_at, id, outcome, site);
