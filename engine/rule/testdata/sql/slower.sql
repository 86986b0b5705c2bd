SELECT * EXCLUDE ("#start", "#end"),
       ((("requests" >= 100) AND ("previous(requests, 1)" >= 100)) AND (("p95" > CASE WHEN isfinite((1.2e0 * "previous(p95, 7d)")) THEN (1.2e0 * "previous(p95, 7d)") END) OR ("p95" > CASE WHEN isfinite((2e0 * "baseline(p95, 28d, 1d, 7)")) THEN (2e0 * "baseline(p95, 28d, 1d, 7)") END))) AS breaching
FROM (
  SELECT *,
         max("requests") OVER (PARTITION BY "service" ORDER BY "#end" RANGE BETWEEN 3600000000 PRECEDING AND 3600000000 PRECEDING) AS "previous(requests, 1)",
         max("p95") OVER (PARTITION BY "service" ORDER BY "#end" RANGE BETWEEN 604800000000 PRECEDING AND 604800000000 PRECEDING) AS "previous(p95, 7d)",
         CASE WHEN count("p95") OVER (PARTITION BY "service", "#end" % 86400000000 ORDER BY "#end" RANGE BETWEEN 2419200000000 PRECEDING AND ("#end" - "#start") PRECEDING) >= 7 THEN quantile_disc("p95", 0.5) OVER (PARTITION BY "service", "#end" % 86400000000 ORDER BY "#end" RANGE BETWEEN 2419200000000 PRECEDING AND ("#end" - "#start") PRECEDING) END AS "baseline(p95, 28d, 1d, 7)"
  FROM (
    SELECT make_timestamptz("#window" * 3600000000) AS "window start",
           "#window" * 3600000000 AS "#start",
           "#window" * 3600000000 + 3600000000 AS "#end",
           "service",
           ("#1.1") AS "requests",
           (sign("#2.1") * least(exp((abs("#2.1") - 40000) / 49.998333288886556e0) * 1.01e0, 1.7976931348623157e+308)) AS "p95"
    FROM (
      SELECT epoch_us(r."event_time") // 3600000000 AS "#window",
             r."service" AS "service",
             count(*) AS "#records",
             count(*) FILTER (WHERE r."_late") AS "#late",
             count(*) AS "#1.1",
             quantile_disc(CASE WHEN r."body.duration_ms" BETWEEN 2.2700248455477507e-308 AND 1.7976931348623157e+308 THEN CAST(floor(ln(r."body.duration_ms") * 49.998333288886556e0) AS INTEGER) + 40000 WHEN r."body.duration_ms" BETWEEN -1.7976931348623157e+308 AND -2.2700248455477507e-308 THEN -(CAST(floor(ln(-r."body.duration_ms") * 49.998333288886556e0) AS INTEGER) + 40000) WHEN abs(r."body.duration_ms") < 2.2700248455477507e-308 THEN 0 END, 0.95) AS "#2.1"
      FROM (SELECT "event_time" AS "event_time", "_late" AS "_late", "service" AS "service", "body"."duration_ms" AS "body.duration_ms" FROM "app_logs") AS r
      WHERE r."event_time" >= TIMESTAMPTZ '1970-01-01 00:00:00+00'
        AND isfinite(r."event_time")
      GROUP BY 1, 2
      ORDER BY 2, 1
    )
  )
)
