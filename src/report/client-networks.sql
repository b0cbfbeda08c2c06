-- Keys of addresses are 32 hex digits: those of IPv4 start with ::ffff:, and 30 digits are a /24; of IPv6 16 digits are a /64.
SELECT
    network,
    count(*) AS decisions,
    count(*) FILTER (WHERE allowed) AS allowed,
    count(*) FILTER (WHERE NOT allowed) AS denied,
    count(DISTINCT subject) AS subjects,
    count(*) OVER () AS of_all
FROM (
    SELECT
        CASE
            WHEN client_ip_key LIKE '00000000000000000000ffff%' THEN substr(client_ip_key, 1, 30)
            ELSE substr(client_ip_key, 1, 16)
        END AS network,
        subject,
        allowed
    FROM opa_decisions
    WHERE ymd BETWEEN $from_ymd AND $to_ymd
      AND event_time BETWEEN $from AND $to                      -- when instants
) AS decisions_by_network
GROUP BY network
ORDER BY decisions DESC, network
LIMIT $top
