-- Each allowed decision whose predecessor (same subject, action and resource) was a denial, not longer ago than asked for.
-- Both lie in the time range. Decisions without a verdict are passed over.
SELECT
    subject,
    action,
    resource,
    denied_at,
    event_time AS allowed_at,
    denied_id,
    decision_id AS allowed_id,
    denied_from,
    client_ip AS allowed_from,
    message
FROM (
    SELECT
        subject,
        action,
        resource,
        event_time,
        decision_id,
        client_ip,
        allowed,
        message,
        source_uri,
        source_offset,
        lag(allowed) OVER tries AS was_allowed,
        lag(event_time) OVER tries AS denied_at,
        lag(decision_id) OVER tries AS denied_id,
        lag(client_ip) OVER tries AS denied_from
    FROM opa_decisions
    WHERE ymd BETWEEN $from_ymd AND $to_ymd
      AND event_time BETWEEN $from AND $to
      AND subject = $subject                                    -- when subject
      AND resource = $resource                                  -- when resource
      AND subject IS NOT NULL
      AND allowed IS NOT NULL
    WINDOW tries AS (
        PARTITION BY subject, action, resource
        ORDER BY event_time, decision_id, source_uri, source_offset
    )
) AS decisions
WHERE allowed
  AND NOT was_allowed
  AND event_time <= denied_at + $minutes * INTERVAL '1' MINUTE
ORDER BY allowed_at, subject, action, resource, source_uri, source_offset
