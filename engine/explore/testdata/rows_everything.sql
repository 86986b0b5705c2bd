SELECT event_time, level, service, message, labels, body, rest,
       trace_id, span_id, arrival_time, _seq, _source, _position, _late
FROM app_logs
ORDER BY event_time DESC NULLS LAST, _seq DESC
LIMIT 100

-- {}
