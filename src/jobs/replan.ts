/** What a job planned on one version of a table goes with the version: it is planned again on the next one. */

const tries = 5;

/**
 * Gives what `once` gives, which loads the table, plans on it and commits; undefined from it says that another writer
 * came in between. Throws after five of those, naming what kept changing and the command to run again.
 */
export async function replan<T extends object>(
  { what, command }: { readonly what: string; readonly command: string },
  once: () => Promise<T | undefined>,
): Promise<T> {
  for (let attempt = 1; attempt <= tries; attempt++) {
    const done = await once();
    if (done !== undefined) return done;
  }
  throw new Error(`${what} kept changing meanwhile; run ${command} again`);
}
