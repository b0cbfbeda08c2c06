/** Which records are proved to be missing, as text. */
import { countOf } from '../../sequences/number-set.ts';
import { formatCount } from '../../text/humanize.ts';
import { timeText } from '../../text/time.ts';
import type { ProducerDay } from './producers.ts';

/** `1204 at 10:33:05, 1300 to 1302 at …`, in UTC. */
export function missingNumbersText({ proved, missingNumbers }: ProducerDay): string | null {
  if (missingNumbers.length === 0) return null;
  const named = missingNumbers.map(({ range: [first, last], firstTime, lastTime }) => {
    const [from, to] = [firstTime, lastTime].map((micros) => timeText(BigInt(micros)).slice(11, 19));
    return `${first === last ? first : `${first} to ${last}`} at ${from === to ? from : `${from} to ${to}`}`;
  });
  const rest = countOf(proved) - countOf(missingNumbers.map(({ range }) => range));
  return [...named, ...(rest > 0 ? [`and ${formatCount(rest)} more`] : [])].join(', ');
}
