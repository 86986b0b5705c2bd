SELECT make_timestamptz("#window" * 900000000 + 300000000) AS "window start",
       "labels.region",
       "type",
       "id",
       ("#1.1") AS "n",
       ("#2.1") AS "total",
       (CASE WHEN "#3.2" = 0 THEN "#3.1" END) AS "big",
       (CASE WHEN "#4.2" = 0 THEN CAST("#4.1" AS DOUBLE) / 1e+06 END) AS "spent",
       (CASE WHEN "#5.3" = 0 THEN CAST("#5.1" AS DOUBLE) / ("#5.2" * 1e+06) END) AS "mean",
       ("#6.1") AS "low",
       ("#7.1") AS "high",
       (sign("#8.1") * least(exp((abs("#8.1") - 40000) / 49.998333288886556e0) * 1.01e0, 1.7976931348623157e+308)) AS "p50",
       ("#9.1") AS "users",
       ("#10.1") AS "begin",
       ("#11.1") AS "finish",
       CASE WHEN isfinite(((CAST("total" AS DOUBLE) / CAST(CAST("users" AS HUGEINT) AS DOUBLE)) + "mean")) THEN ((CAST("total" AS DOUBLE) / CAST(CAST("users" AS HUGEINT) AS DOUBLE)) + "mean") END AS "per_user",
       (("labels.region" || '/') || coalesce("begin", 'none')) AS "label",
       ("#12.1") AS "late_by",
       CASE WHEN isfinite((CAST(("#13.1") AS DOUBLE) / CAST(("#14.1") AS DOUBLE))) THEN (CAST(("#13.1") AS DOUBLE) / CAST(("#14.1") AS DOUBLE)) END AS "ratio",
       (((("per_user" > 10e0) OR ("ratio" > 0.5e0)) OR ("label" IS NOT DISTINCT FROM 'eu/none')) OR ("low" IS NULL)) AS breaching
FROM (
  SELECT (epoch_us(r."event_time") - 300000000) // 900000000 AS "#window",
         r."labels.region" AS "labels.region",
         r."body.type" AS "type",
         CAST(r."body.id" AS VARCHAR) AS "id",
         count(*) AS "#records",
         count(*) FILTER (WHERE r."_late") AS "#late",
         count(*) FILTER (WHERE (TRY(r."body.status" % CAST(2 AS BIGINT)) = 0)) AS "#1.1",
         sum(TRY(r."body.status" + CAST(1 AS BIGINT))) AS "#2.1",
         sum(CASE WHEN r."body.bytes" BETWEEN -999999999999999999999999 AND 999999999999999999999999 THEN r."body.bytes" END) AS "#3.1",
         count(*) FILTER (WHERE r."body.bytes" NOT BETWEEN -999999999999999999999999 AND 999999999999999999999999) AS "#3.2",
         sum(CASE WHEN abs(CAST(r."body.price" AS DOUBLE)) < 1e+24 THEN TRY_CAST(round(CAST(r."body.price" AS DOUBLE) * 1e+06) AS HUGEINT) END) AS "#4.1",
         count(*) FILTER (WHERE abs(CAST(r."body.price" AS DOUBLE)) >= 1e+24) AS "#4.2",
         sum(CASE WHEN abs((r."body.duration_ms" / 1000e0)) < 1e+24 THEN TRY_CAST(round((r."body.duration_ms" / 1000e0) * 1e+06) AS HUGEINT) END) AS "#5.1",
         count(CASE WHEN abs((r."body.duration_ms" / 1000e0)) < 1e+24 THEN TRY_CAST(round((r."body.duration_ms" / 1000e0) * 1e+06) AS HUGEINT) END) AS "#5.2",
         count(*) FILTER (WHERE abs((r."body.duration_ms" / 1000e0)) >= 1e+24 AND isfinite((r."body.duration_ms" / 1000e0))) AS "#5.3",
         min(r."body.seen") AS "#6.1",
         max(length(trim(upper(r."message"), E' \t\n\f\r' || chr(11)))) AS "#7.1",
         quantile_disc(CASE WHEN CAST(r."body.status" AS DOUBLE) BETWEEN 2.2700248455477507e-308 AND 1.7976931348623157e+308 THEN CAST(floor(ln(CAST(r."body.status" AS DOUBLE)) * 49.998333288886556e0) AS INTEGER) + 40000 WHEN CAST(r."body.status" AS DOUBLE) BETWEEN -1.7976931348623157e+308 AND -2.2700248455477507e-308 THEN -(CAST(floor(ln(-CAST(r."body.status" AS DOUBLE)) * 49.998333288886556e0) AS INTEGER) + 40000) WHEN abs(CAST(r."body.status" AS DOUBLE)) < 2.2700248455477507e-308 THEN 0 END, 0.5) AS "#8.1",
         count(DISTINCT r."labels.""user.id""") AS "#9.1",
         (min({'t': r."event_time", 'v': r."message"}) FILTER (WHERE r."event_time" IS NOT NULL AND r."message" IS NOT NULL)).v AS "#10.1",
         (max({'t': r."event_time", 'v': CASE WHEN isfinite(r."body.duration_ms") THEN r."body.duration_ms" END}) FILTER (WHERE r."event_time" IS NOT NULL AND CASE WHEN isfinite(r."body.duration_ms") THEN r."body.duration_ms" END IS NOT NULL)).v AS "#11.1",
         max(CASE WHEN isfinite(((CAST(epoch_us(r."arrival_time") AS DOUBLE) / 1e6) - (CAST(epoch_us(r."event_time") AS DOUBLE) / 1e6))) THEN ((CAST(epoch_us(r."arrival_time") AS DOUBLE) / 1e6) - (CAST(epoch_us(r."event_time") AS DOUBLE) / 1e6)) END) AS "#12.1",
         count(*) FILTER (WHERE (r."level" = 'ERROR')) AS "#13.1",
         count(*) AS "#14.1"
  FROM (SELECT "event_time" AS "event_time", "_late" AS "_late", "labels"['region'] AS "labels.region", "body"."type" AS "body.type", "body"."id" AS "body.id", "body"."http"."status" AS "body.http.status", "message" AS "message", "body"."cached" AS "body.cached", "body"."day" AS "body.day", "body"."tags" AS "body.tags", "body"."status" AS "body.status", "body"."bytes" AS "body.bytes", "body"."price" AS "body.price", "body"."duration_ms" AS "body.duration_ms", "body"."seen" AS "body.seen", "labels"['user.id'] AS "labels.""user.id""", "arrival_time" AS "arrival_time", "level" AS "level" FROM "app_logs") AS r
  WHERE r."event_time" >= TIMESTAMPTZ '1970-01-01 00:05:00+00'
    AND isfinite(r."event_time")
    AND (((((coalesce((r."body.http.status" IN (500, 502)), TRUE) AND regexp_matches(r."message", '(?i)time ?out')) AND (NOT coalesce(r."body.cached", FALSE))) AND (starts_with(r."labels.region", 'eu') OR (make_timestamptz(epoch_us(r."body.day")) >= TIMESTAMPTZ '2026-01-01 00:00:00+00'))) AND (NOT (r."body.tags" IS NULL))) AND regexp_matches(r."body.type", '(?s)^etl-.*$'))
  GROUP BY 1, 2, 3, 4
  ORDER BY 2, 3, 4, 1
)
