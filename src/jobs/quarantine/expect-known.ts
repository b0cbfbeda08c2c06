import { UsageError } from '../../config/errors.ts';
import { sourceTypes } from '../../config/schema.ts';
import { rejectionCodes } from '../../records/outcome.ts';

/** Throws UsageError for a reason that no record can be in quarantine for. */
export const expectReasons = (given: readonly string[] | undefined): void =>
  expectKnown('reason', given, Object.keys(rejectionCodes));

/** The same for types of sources. */
export const expectSourceTypes = (given: readonly string[] | undefined): void =>
  expectKnown('source type', given, sourceTypes);

function expectKnown(kind: string, given: readonly string[] | undefined, known: readonly string[]): void {
  const unknown = given?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no ${kind} ${unknown}; there are: ${known.join(', ')}`);
}
