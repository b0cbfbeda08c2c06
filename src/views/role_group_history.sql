-- Which group held which role from when to when, from the statements that succeeded. Names are in lower case: neither
-- roles nor groups are told apart by case. DROP ROLE ends what every group holds of the role. A GRANT of what is held, and
-- a REVOKE or DROP of what is not, change nothing.
WITH statements AS (
    SELECT
        event_time,
        request_time,
        source_uri,
        source_offset,
        "user",
        upper(regexp_extract(statement, '(?i)^\s*(GRANT|REVOKE|DROP)\s', 1)) AS verb,
        lower(coalesce(
            regexp_extract(
                statement,
                '(?is)^\s*(?:GRANT|REVOKE)\s+ROLE\s+[`"]?([^;`"]+?)[`"]?\s+(?:TO|FROM)\s+GROUP\s',
                1
            ),
            regexp_extract(statement, '(?is)^\s*DROP\s+ROLE\s+(?:IF\s+EXISTS\s+)?[`"]?([^;`"]+?)[`"]?[\s;]*$', 1)
        )) AS role_name,
        lower(regexp_extract(
            statement,
            '(?is)\s(?:TO|FROM)\s+GROUP\s+[`"]?([^;`"]+?)[`"]?(?:\s+WITH\s+GRANT\s+OPTION)?[\s;]*$',
            1
        )) AS group_name
    FROM okera_audit_logs
    WHERE statement_type IN ('GRANT_ROLE', 'REVOKE_ROLE', 'DROP_ROLE', 'DDL')
      AND lower(status) = 'ok'
      AND NOT coalesce(auth_failure, false)
),
-- life: how often the role had been dropped. dropped_at, dropped_by: the next time that it is.
changes AS (
    SELECT
        *,
        count(CASE WHEN verb = 'DROP' THEN 1 END) OVER (
            PARTITION BY role_name
            ORDER BY event_time, request_time, source_uri, source_offset
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS life,
        min(CASE WHEN verb = 'DROP' THEN event_time END) OVER (
            PARTITION BY role_name
            ORDER BY event_time, request_time, source_uri, source_offset
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS dropped_at,
        min_by(coalesce("user", ''), CASE WHEN verb = 'DROP' THEN event_time END) OVER (
            PARTITION BY role_name
            ORDER BY event_time, request_time, source_uri, source_offset
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS dropped_by
    FROM statements
    WHERE role_name IS NOT NULL
      AND (verb = 'DROP' OR group_name IS NOT NULL)
),
turns AS (
    SELECT
        *,
        lag(verb, 1, 'REVOKE') OVER (
            PARTITION BY role_name, group_name, life
            ORDER BY event_time, request_time, source_uri, source_offset
        ) AS verb_before
    FROM changes
    WHERE verb <> 'DROP'
),
spans AS (
    SELECT
        *,
        lead(event_time) OVER (
            PARTITION BY role_name, group_name, life
            ORDER BY event_time, request_time, source_uri, source_offset
        ) AS revoked_at,
        lead(coalesce("user", '')) OVER (
            PARTITION BY role_name, group_name, life
            ORDER BY event_time, request_time, source_uri, source_offset
        ) AS revoked_by
    FROM turns
    WHERE verb <> verb_before
)
SELECT
    role_name AS "role",
    group_name AS "group",
    event_time AS granted_at,
    "user" AS granted_by,
    coalesce(revoked_at, dropped_at) AS revoked_at,
    nullif(coalesce(revoked_by, dropped_by), '') AS revoked_by
FROM spans
WHERE verb = 'GRANT'
