WITH matched AS (
SELECT if("event_time" IS NULL, NULL, greatest(-1, least(60, (epoch_us("event_time") - 1767960000000000) // 60000000))) AS bucket, "level" AS level, "_late" AS late, "service" AS f0, "labels.region" AS f1, "body.status" AS f2
FROM (SELECT …)
WHERE "event_time" >= $from::TIMESTAMPTZ
  AND "event_time" < $to::TIMESTAMPTZ
), counted AS MATERIALIZED (
SELECT grouping_id(bucket, level, f0, f1, f2) AS g, bucket, level, f0, f1, f2, count(*) AS n, count(*) FILTER (WHERE late) AS late
FROM matched
GROUP BY GROUPING SETS ((bucket, level), (), (f0), (f1), (f2))
)
SELECT 0 AS what, NULL AS bucket, NULL AS level, NULL AS value, n, late FROM counted WHERE g = 31
UNION ALL SELECT 1, bucket, level, NULL, n, 0 FROM counted WHERE g = 7
UNION ALL (SELECT 1000, NULL, NULL, f0::VARCHAR, n, 0 FROM counted WHERE g = 27 ORDER BY n DESC, f0 NULLS LAST LIMIT 10)
UNION ALL SELECT 2000, NULL, NULL, NULL, count(f0), count(*) FROM counted WHERE g = 27
UNION ALL (SELECT 1001, NULL, NULL, f1::VARCHAR, n, 0 FROM counted WHERE g = 29 ORDER BY n DESC, f1 NULLS LAST LIMIT 10)
UNION ALL SELECT 2001, NULL, NULL, NULL, count(f1), count(*) FROM counted WHERE g = 29
UNION ALL (SELECT 1002, NULL, NULL, f2::VARCHAR, n, 0 FROM counted WHERE g = 30 ORDER BY n DESC, f2 NULLS LAST LIMIT 10)
UNION ALL SELECT 2002, NULL, NULL, NULL, count(f2), count(*) FROM counted WHERE g = 30

-- {
--   "from": "2026-01-09T12:00:00Z",
--   "to": "2026-01-09T13:00:00Z"
-- }
