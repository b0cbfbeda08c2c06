-- Allowed decisions of subjects that user_countries knows, from a country that it does not list for them.
SELECT
    decs.event_time,
    decs.decision_id,
    decs.subject,
    decs.action,
    decs.resource,
    decs.country,
    countries.countries,
    decs.client_ip,
    decs.region,
    decs.message,
    decs.source_uri
FROM opa_decisions AS decs
JOIN (
    SELECT subject, array_agg(DISTINCT country ORDER BY country) AS countries
    FROM user_countries
    WHERE country IS NOT NULL
    GROUP BY subject
) AS countries ON countries.subject = decs.subject
WHERE decs.ymd BETWEEN $from_ymd AND $to_ymd
  AND decs.event_time BETWEEN $from AND $to
  AND decs.subject = $subject                                   -- when subject
  AND decs.allowed
  AND NOT contains(countries.countries, decs.country)
ORDER BY decs.event_time, decs.decision_id, decs.source_uri, decs.source_offset
