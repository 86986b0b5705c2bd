SELECT event_time, level, service, message, labels, body, rest,
       trace_id, span_id, arrival_time, _seq, _source, _position, _late
FROM app_logs
WHERE (contains(lower(message), lower($search))
    OR contains(lower(body.route), lower($search))
    OR contains(lower(body.order.select), lower($search))
    OR contains(lower(body."we""ird.'näme; --"), lower($search))
    OR contains(lower(body.tags::VARCHAR), lower($search))
    OR contains(lower(rest::VARCHAR), lower($search)))
ORDER BY event_time DESC NULLS LAST, _seq DESC
LIMIT 100

-- {
--   "search": "x"
-- }
