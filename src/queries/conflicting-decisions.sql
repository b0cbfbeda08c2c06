-- Ids that stand for decisions of different content, with where each of these stands: somebody may have written records
-- under ids of others, or a producer repeats its ids. Copies that differ in their wrapper only are not a conflict.
WITH repeated AS (
    SELECT decision_id
    FROM opa_decisions
    WHERE decision_id <> ''
      AND ymd >= $from_ymd AND event_time >= $from              -- when from
      AND ymd <= $to_ymd AND event_time <= $to                  -- when to
    GROUP BY decision_id
    HAVING count(*) > 1
),
decisions AS (
    SELECT
        decision_id,
        event_time,
        subject,
        action,
        resource,
        allowed,
        source_uri,
        source_offset,
        timestamp,
        batch_decision_id,
        trace_id,
        span_id,
        path,
        query,
        revision,
        requested_by,
        req_id,
        input,
        result,
        mapped_result,
        error,
        bundles,
        nd_builtin_cache,
        intermediate_results,
        custom,
        request_context,
        rule_labels,
        labels,
        metrics,
        erased,
        masked,
        -- Up to the wrapper, which stands last.
        CASE
            WHEN strpos(extra, '"' || chr(36) || 'envelope":{') > 0
            THEN substr(extra, 1, length(extra) - strpos(reverse(extra), '{:"epolevne' || chr(36) || '"') - 12)
            ELSE extra
        END AS unwrapped
    FROM opa_decisions
    WHERE decision_id IN (SELECT decision_id FROM repeated)
      AND ymd >= $from_ymd AND event_time >= $from              -- when from
      AND ymd <= $to_ymd AND event_time <= $to                  -- when to
),
contents AS (
    SELECT DISTINCT
        decision_id,
        timestamp,
        batch_decision_id,
        trace_id,
        span_id,
        path,
        query,
        revision,
        requested_by,
        req_id,
        input,
        result,
        mapped_result,
        error,
        bundles,
        nd_builtin_cache,
        intermediate_results,
        custom,
        request_context,
        rule_labels,
        labels,
        metrics,
        erased,
        masked,
        coalesce(trim(TRAILING '},' FROM unwrapped), '{') AS extra
    FROM decisions
),
conflicting AS (
    SELECT decision_id, count(*) AS contents
    FROM contents
    GROUP BY decision_id
    HAVING count(*) > 1
)
SELECT
    decisions.decision_id,
    conflicting.contents,
    decisions.event_time,
    decisions.subject,
    decisions.action,
    decisions.resource,
    decisions.allowed,
    decisions.path,
    decisions.source_uri,
    decisions.source_offset
FROM decisions
JOIN conflicting ON conflicting.decision_id = decisions.decision_id
ORDER BY decisions.decision_id, decisions.event_time, decisions.source_uri, decisions.source_offset
LIMIT $limit                                                    -- when limit
