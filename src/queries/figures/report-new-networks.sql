-- Keys of addresses are 32 hex digits: those of IPv4 start with ::ffff:, and 30 digits are a /24; of IPv6 16 digits are a /64.
-- `known`: how many there were before the range; none means that nothing can be told to be new.
SELECT
    CASE
        WHEN length(network) = 16 THEN concat(
            substr(network, 1, 4), ':', substr(network, 5, 4), ':', substr(network, 9, 4), ':', substr(network, 13, 4), '::/64'
        )
        ELSE concat(
            CAST(strpos('0123456789abcdef', substr(network, 25, 1)) * 16 + strpos('0123456789abcdef', substr(network, 26, 1)) - 17 AS varchar), '.',
            CAST(strpos('0123456789abcdef', substr(network, 27, 1)) * 16 + strpos('0123456789abcdef', substr(network, 28, 1)) - 17 AS varchar), '.',
            CAST(strpos('0123456789abcdef', substr(network, 29, 1)) * 16 + strpos('0123456789abcdef', substr(network, 30, 1)) - 17 AS varchar), '.0/24'
        )
    END AS network,
    first_time,
    last_time,
    decisions,
    denied,
    count(*) OVER () AS of_all,
    known
FROM (
    SELECT
        network,
        first_time,
        last_time,
        decisions,
        denied,
        count(CASE WHEN first_time < $from THEN 1 END) OVER () AS known
    FROM (
        SELECT
            CASE
                WHEN client_ip_key LIKE '00000000000000000000ffff%' THEN substr(client_ip_key, 1, 30)
                ELSE substr(client_ip_key, 1, 16)
            END AS network,
            min(event_time) AS first_time,
            max(event_time) AS last_time,
            count(*) AS decisions,
            count(*) FILTER (WHERE NOT allowed) AS denied
        FROM opa_decisions
        WHERE ymd BETWEEN $since_ymd AND $to_ymd
          AND event_time BETWEEN $since AND $to
          AND subject = $subject                                        -- when subject
          AND path = $path                                              -- when path
          AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
        GROUP BY 1
    ) AS ever
    WHERE network IS NOT NULL
) AS dated
WHERE first_time >= $from
ORDER BY first_time, dated.network
LIMIT $top
