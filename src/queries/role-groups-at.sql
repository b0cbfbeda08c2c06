SELECT
    "role",
    "group",
    granted_at,
    granted_by
FROM role_group_history
WHERE granted_at <= $at
  AND (revoked_at IS NULL OR revoked_at > $at)
  AND "role" = $role                                            -- when role
  AND "group" = $group                                          -- when group
ORDER BY "role", "group"
