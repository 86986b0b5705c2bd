SELECT event_time, level, service, message, labels, body, rest,
       trace_id, span_id, arrival_time, _seq, _source, _position, _late
FROM app_logs
WHERE service = $service
  AND service IS DISTINCT FROM $service_2
  AND (labels['region'] = $region OR labels['region'] IS NULL)
  AND body.status >= $status::BIGINT
  AND (body.status NOT IN ($status_2::BIGINT, $status_3::BIGINT) OR body.status IS NULL)
  AND body.ms < $ms::DOUBLE
  AND body.ok = $ok::BOOLEAN
  AND contains(lower(body.route), lower($route))
  AND NOT coalesce(contains(lower(body.route), lower($route_2)), false)
  AND body.order.select IS NOT NULL
  AND body."we""ird.'näme; --" = $we_ird_n_me
  AND coalesce(list_contains(body.tags, $tags), false)
  AND event_time > $event_time::TIMESTAMPTZ
  AND contains(lower(rest::VARCHAR), lower($rest))
  AND level IS NULL
ORDER BY event_time DESC NULLS LAST, _seq DESC
LIMIT 100

-- {
--   "event_time": "2026-01-09T00:00:00Z",
--   "ms": 0.5,
--   "ok": true,
--   "region": "eu",
--   "rest": "z",
--   "route": "/x",
--   "route_2": "y",
--   "service": "checkout",
--   "service_2": "o'brien",
--   "status": 500,
--   "status_2": 200,
--   "status_3": 201,
--   "tags": "a",
--   "we_ird_n_me": "we\"ird.'näme; --"
-- }
