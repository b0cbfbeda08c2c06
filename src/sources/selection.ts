/**
 * Which objects below a location count: those that `include` names and `exclude` does not, without what other tools leave
 * beside logs. Only the key below the location is looked at, so a location inside such a folder is read like any other,
 * and a location that names one object is always read.
 */
import picomatch from 'picomatch/posix.js';
import type { ObjectFacts } from '../records/object-facts.ts';
import type { SourceConfig } from './config.ts';

export type Selection = Pick<SourceConfig, 'location' | 'include' | 'exclude'>;

/** Gives what `describe` says of an object, and makes it irrelevant where the selection leaves it out. */
export function selecting(
  { location, include, exclude }: Selection,
  describe: (uri: string) => ObjectFacts,
): (uri: string) => ObjectFacts {
  const isIncluded = include === undefined ? () => true : matcher(include);
  const isExcluded = exclude === undefined ? () => false : matcher(exclude);
  return (uri) => {
    const facts = describe(uri);
    if (uri === location) return { ...facts, relevant: true };
    const key = (uri.startsWith(location) ? uri.slice(location.length) : uri).replace(/^\/+/, '');
    if (!facts.relevant || isLeftover(key)) return { ...facts, relevant: false, leftOut: 'leftover' };
    return isIncluded(key) && !isExcluded(key) ? facts : { ...facts, relevant: false, leftOut: 'excluded' };
  };
}

/** `**` crosses slashes, `*` and `?` do not; `{a,b}` and `[a-z]` as usual. A key is an outsider's, line feeds included. */
const matcher = (globs: readonly string[]): ((key: string) => boolean) =>
  picomatch(globs, { dot: true, flags: 's', nonegate: true });

/** Folders of work in progress and of records that a delivery could not place, by name. */
const leftoverFolders = new Set([
  ...['_temporary', '_spark_metadata', '_delta_log', '_symlink_format_manifest', '.sparkStaging', '.hive-staging'],
  ...['processing-failed', 'format-conversion-failed', 'http-endpoint-failed', 'splunk-failed'],
]);

/**
 * Checksums and signatures, manifests, uploads that are not finished, and the object by which CloudWatch Logs tries
 * whether it may write.
 */
const leftoverNames =
  /(?:\.(?:crc|md5|sha1|sha256|sha512|asc|sig|tmp|temp|partial|inprogress|filepart|manifest)|^manifest(?:\.(?:json|csv|checksum))?(?:\.gz)?|^aws-logs-write-test)$/i;

function isLeftover(key: string): boolean {
  const segments = key.split('/');
  const name = segments.pop() as string;
  return leftoverNames.test(name) || segments.some((segment) => leftoverFolders.has(segment));
}

/** Why a glob cannot be one; undefined where it can. */
export function globProblem(glob: unknown): string | undefined {
  if (typeof glob !== 'string' || glob === '') return 'must be a glob such as **/*.log.gz';
  if (glob.length > maxGlobLength) return `is longer than ${maxGlobLength} characters`;
  if (glob.startsWith('!')) return 'begins with "!": put what is to be left out under exclude';
  if (glob.startsWith('/') || glob.includes('://')) return 'must be relative to the location, such as **/*.log.gz';
  try {
    matcher([glob]);
    return undefined;
  } catch {
    return 'is not a glob: write one such as **/*.log.gz';
  }
}

const maxGlobLength = 1024;
