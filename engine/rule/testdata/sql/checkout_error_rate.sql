SELECT make_timestamptz("#window" * 60000000) AS "window start",
       "service",
       ("#1.1") AS "requests",
       ("#2.1") AS "errors",
       (sign("#3.1") * least(exp((abs("#3.1") - 40000) / 49.998333288886556e0) * 1.01e0, 1.7976931348623157e+308)) AS "p95",
       CASE WHEN isfinite(((CAST("errors" AS DOUBLE) * 1e0) / CAST("requests" AS DOUBLE))) THEN ((CAST("errors" AS DOUBLE) * 1e0) / CAST("requests" AS DOUBLE)) END AS "error_rate",
       (("error_rate" > 0.05e0) AND ("requests" > 30)) AS breaching
FROM (
  SELECT epoch_us(r."event_time") // 60000000 AS "#window",
         r."service" AS "service",
         count(*) AS "#records",
         count(*) FILTER (WHERE r."_late") AS "#late",
         count(*) AS "#1.1",
         count(*) FILTER (WHERE (r."level" = 'ERROR')) AS "#2.1",
         quantile_disc(CASE WHEN r."body.duration_ms" BETWEEN 2.2700248455477507e-308 AND 1.7976931348623157e+308 THEN CAST(floor(ln(r."body.duration_ms") * 49.998333288886556e0) AS INTEGER) + 40000 WHEN r."body.duration_ms" BETWEEN -1.7976931348623157e+308 AND -2.2700248455477507e-308 THEN -(CAST(floor(ln(-r."body.duration_ms") * 49.998333288886556e0) AS INTEGER) + 40000) WHEN abs(r."body.duration_ms") < 2.2700248455477507e-308 THEN 0 END, 0.95) AS "#3.1"
  FROM (SELECT "event_time" AS "event_time", "_late" AS "_late", "service" AS "service", "body"."type" AS "body.type", "level" AS "level", "body"."duration_ms" AS "body.duration_ms" FROM "app_logs") AS r
  WHERE r."event_time" >= TIMESTAMPTZ '1970-01-01 00:00:00+00'
    AND isfinite(r."event_time")
    AND ((r."body.type" = 'request') AND (r."service" IS DISTINCT FROM 'probe'))
  GROUP BY 1, 2
  ORDER BY 2, 1
)
