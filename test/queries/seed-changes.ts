/** What has to be changed in the printed queries, besides names of tables, for an engine to run them; docs/queries.md says why. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Names as printed, and ours. */
export const tableNames: readonly (readonly [printed: string, ours: string])[] = [
  ['"eopa_athena_tutorial_db"."eopa_athena_tutorial_table_01"', 'opa_decisions'],
  ['"eopa_athena_tutorial_db"."eopa_athena_tutorial_user_countries"', 'user_countries'],
  ['okera_system.audit_logs', 'okera_audit_logs'],
  ['okera_system.', ''],
];

export const changes: readonly Change[] = [
  { file: 'tutorial/roles-and-groups.sql', from: 'AS `group`', to: 'AS "group"' },
  { file: 'tutorial/roles-and-groups.sql', from: '`user` AS', to: '"user" AS' },
  { file: 'tutorial/accesses-of-users.sql', from: "  user IN ('janedoe'", to: "  AND user IN ('janedoe'" },
];

/** The text as an engine runs it. */
export function adapted(file: string, text: string): string {
  const named = tableNames.reduce((sql, [printed, ours]) => sql.replaceAll(printed, ours), text);
  return changes
    .filter((change) => change.file === file)
    .reduce((sql, { from, to }) => {
      if (!sql.includes(from)) throw new Error(`${file} has no ${from}`);
      return sql.replaceAll(from, to);
    }, named);
}
