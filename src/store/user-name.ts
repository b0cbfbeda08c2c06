import { userInfo } from 'node:os';

/** The user of the operating system; the number of one without a name, as whom containers may run. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
