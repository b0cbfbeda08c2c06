-- Objects that gave rows of the range, by source. Of an object that was read again as it grew, the bytes count once, as the
-- last reading found them; the records count with each reading, as known ones are counted as duplicates.
SELECT
    source,
    source_type,
    count(*) AS objects,
    sum(size) AS bytes_stored,
    sum(bytes_decompressed) AS bytes_decompressed,
    sum(records) AS records,
    sum(row_count) AS row_count,
    sum(quarantined) AS quarantined,
    sum(skipped) AS skipped,
    sum(duplicates) AS duplicates
FROM (
    SELECT
        source,
        source_type,
        max_by(size, committed_at) AS size,
        max_by(bytes_decompressed, committed_at) AS bytes_decompressed,
        sum(records) AS records,
        sum("rows") AS row_count,
        sum(quarantined) AS quarantined,
        sum(skipped) AS skipped,
        sum(duplicates) AS duplicates
    FROM ingested_objects
    WHERE state = 'committed'
      AND min_event_time <= $to
      AND max_event_time >= $from
      AND source = $source                                          -- when source
    GROUP BY source, source_type, uri
) AS objects_read
GROUP BY source, source_type
ORDER BY source, source_type
