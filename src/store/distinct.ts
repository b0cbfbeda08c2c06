/**
 * A listing with every object once, whatever the store does: some repeat a key from page to page, or list in no order.
 * Memory is bounded, so only the last keys are remembered, more than fifty thousand; a key that comes again later than
 * that comes twice, which the ledger takes: what it has claimed or committed is not claimed again.
 */
import { compareText } from '../text/order.ts';
import type { ListOptions, ObjectInfo } from './store.ts';

const rememberedKeys = 50_000;

export async function* distinct(
  listing: AsyncIterable<ObjectInfo>,
  onOddity: ListOptions['onOddity'] = () => {},
): AsyncGenerator<ObjectInfo> {
  let recent = new Set<string>();
  let older = new Set<string>();
  let last = '';
  let [isUnordered, isRepeating] = [false, false];
  for await (const object of listing) {
    const { uri } = object;
    if (recent.has(uri) || older.has(uri)) {
      if (!isRepeating) onOddity('repeated');
      isRepeating = true;
      continue;
    }
    if (!isUnordered && compareText(uri, last) < 0) {
      onOddity('unordered');
      isUnordered = true;
    }
    last = uri;
    recent.add(uri);
    if (recent.size === rememberedKeys) [older, recent] = [recent, new Set()];
    yield object;
  }
}
