-- The records of what the asking user administers. The objects of a record are what it names, the database of each
-- table and view, and *, which a grant over everything matches.
SELECT $columns
FROM okera_audit_logs
WHERE arrays_overlap(
    split(
        concat_ws(
            ',',
            '*',
            lower(replace(concat_ws(',', ae_database, ae_table, ae_view), ' ', '')),
            regexp_replace(lower(replace(concat_ws(',', ae_table, ae_view), ' ', '')), '\.[^,]*', '')
        ),
        ','
    ),
    (SELECT array_agg(object) FROM steward_grants WHERE user_name = current_user)
)
