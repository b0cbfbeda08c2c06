-- Who asked for what between two instants (both included), from which addresses, and what the policy said.
-- A line that ends in "-- when NAME" is left out where the parameter NAME is not given.
SELECT
    event_time,
    decision_id,
    subject,
    action,
    resource,
    client_ip,
    country,
    region,
    allowed,
    message,
    path,
    source_uri
FROM opa_decisions
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to
  AND subject = $subject                                        -- when subject
  AND client_ip_key BETWEEN $cidr_first AND $cidr_last          -- when cidr
  AND allowed = $allowed                                        -- when allowed
ORDER BY event_time, decision_id, source_uri, source_offset
LIMIT $limit                                                    -- when limit
