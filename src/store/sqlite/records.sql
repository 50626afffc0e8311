CREATE VIEW records AS
SELECT CASE WHEN r.id > 0 THEN r.id >> 16 END AS page, s.name AS site, r.name AS record,
       coalesce(u.url, a.url) AS url,
       strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(p.fetched_at, a.at) / 1000.0, 'unixepoch')
         AS fetched_at,
       r.fields
  FROM record r
  JOIN site s ON s.key = r.site
  LEFT JOIN url u ON u.id = r.id >> 16
  LEFT JOIN page p ON p.id = r.id >> 16
  LEFT JOIN answer a ON a.id = r.id >> 16
 WHERE u.id IS NOT NULL OR a.id IS NOT NULL