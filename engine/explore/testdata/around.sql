SELECT *
FROM (
  (SELECT event_time, level, service, message, labels, body, rest,
          trace_id, span_id, arrival_time, _seq, _source, _position, _late
   FROM app_logs
   WHERE service = $service
     AND labels['region'] IS NULL
     AND event_time <= $at::TIMESTAMPTZ AND (event_time < $at::TIMESTAMPTZ OR _seq <= $seq)
   ORDER BY event_time DESC, _seq DESC
   LIMIT 21)
  UNION ALL
  (SELECT event_time, level, service, message, labels, body, rest,
          trace_id, span_id, arrival_time, _seq, _source, _position, _late
   FROM app_logs
   WHERE service = $service
     AND labels['region'] IS NULL
     AND event_time >= $at::TIMESTAMPTZ AND (event_time > $at::TIMESTAMPTZ OR _seq > $seq)
   ORDER BY event_time, _seq
   LIMIT 10)
)
ORDER BY event_time, _seq

-- {
--   "at": "2026-01-09T12:00:00Z",
--   "seq": 7,
--   "service": "checkout"
-- }
