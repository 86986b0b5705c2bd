SELECT event_time, level, service, message, labels, body, rest,
       trace_id, span_id, arrival_time, _seq, _source, _position, _late
FROM app_logs
WHERE event_time >= $from::TIMESTAMPTZ
  AND event_time < $to::TIMESTAMPTZ
  AND event_time >= $since::TIMESTAMPTZ -- the newest ones are all after this
ORDER BY event_time DESC NULLS LAST, _seq DESC
LIMIT 100

-- {
--   "from": "2026-01-09T12:00:00Z",
--   "since": "2026-01-09T12:01:00Z",
--   "to": "2026-01-09T13:00:00Z"
-- }
