-- Both systems in one table. A record of Okera is allowed unless authorisation failed; whether it then succeeded is its
-- reason. Its resource is every table and view that it names, or else its databases, paths or roles.
SELECT
    ymd,
    event_time AS "time",
    CAST('opa' AS varchar) AS "system",
    subject AS actor,
    action,
    resource,
    allowed,
    message AS reason,
    client_ip,
    client_ip_key,
    decision_id AS id,
    source_uri,
    source_offset
FROM opa_decisions
UNION ALL
SELECT
    ymd,
    event_time AS "time",
    CAST('okera' AS varchar) AS "system",
    "user" AS actor,
    statement_type AS action,
    coalesce(
        nullif(concat_ws(',', nullif(ae_table, ''), nullif(ae_view, '')), ''),
        nullif(ae_database, ''),
        nullif(ae_path, ''),
        nullif(ae_role, '')
    ) AS resource,
    NOT auth_failure AS allowed,
    status AS reason,
    client_ip,
    client_ip_key,
    request_id AS id,
    source_uri,
    source_offset
FROM okera_audit_logs
