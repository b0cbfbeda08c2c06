/** Names of tables that every engine takes, and that are safe as a folder and in a URL. */
export const isTableName = (name: string): boolean => /^[a-z0-9_]{1,255}$/.test(name);

export function checkTableName(name: string): void {
  if (!isTableName(name)) throw new Error(`table name ${JSON.stringify(name)}: only a to z, 0 to 9 and _ may be used`);
}
