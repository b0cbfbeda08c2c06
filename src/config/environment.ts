/** Variables of the environment that begin as those of the configuration do, and are none: a mistyped one is a problem. */

import { compareText } from '../text/order.ts';
import { nearest } from './errors.ts';

const prefix = 'AUDIT_WAREHOUSE_';

/** Read elsewhere: by the command line, and by the scripts of the project and of deployments. */
const others: ReadonlySet<string> = new Set(
  [
    'CONFIG',
    'CONFIG_PARAMETER',
    'LOG_LEVEL',
    'LOG_FORMAT',
    'PAGER',
    'DEMO',
    'SKIP',
    'SOAK_SEED',
    'SOAK_SECONDS',
    'VERIFY_IGNORE_NEWER',
  ].map((name) => prefix + name),
);
/** Kubernetes sets these for a Service that is called audit-warehouse. */
const ofService = /^AUDIT_WAREHOUSE_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

export interface UnknownVariable {
  readonly name: string;
  readonly message: string;
}

/** `known` are the variables of keys; those of `inFile` the file names itself. */
export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
  inFile: ReadonlySet<string>,
): UnknownVariable[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && env[name] !== undefined && env[name] !== '')
    .filter((name) => !known.includes(name) && !others.has(name) && !ofService.test(name) && !inFile.has(name))
    .sort(compareText)
    .map((name) => {
      const near = nearest(name, [...known, ...others]);
      const advice = near === undefined ? 'unset it; docs/cli.md says how keys are written' : `did you mean ${near}?`;
      return { name, message: `no key of the configuration has this variable; ${advice}` };
    });
}
