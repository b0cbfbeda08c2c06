-- `undecided`: the policy gave no verdict, which an enforcement point has to take for a denial.
SELECT
    action,
    resource,
    count(*) AS decisions,
    count(*) FILTER (WHERE allowed) AS allowed,
    count(*) FILTER (WHERE NOT allowed) AS denied,
    count(*) FILTER (WHERE allowed IS NULL) AS undecided,
    min(event_time) AS first_time,
    max(event_time) AS last_time
FROM opa_decisions
WHERE subject = $subject
  AND ymd >= $from_ymd AND event_time >= $from                  -- when from
  AND ymd <= $to_ymd AND event_time <= $to                      -- when to
GROUP BY action, resource
ORDER BY last_time DESC, action, resource
