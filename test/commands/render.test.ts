/** What commands print for people. */
import { expect, test } from 'vitest';
import { renderDifferences } from '../../src/commands/shared/render-differences.ts';
import { renderReceipt } from '../../src/commands/shared/render-receipt.ts';
import { withoutStyles } from '../../src/text/styles.ts';

const uri = `s3://acme-eopa/eopa=${'a'.repeat(36)}/first_ts=1689094800/last_ts=1689094810/batch_id=1.jsonl.gz`;
const differences = [
  { kind: 'object-not-ingested', uri, detail: 'source eopa-prod' },
  { kind: 'rows-missing', table: 'opa_decisions', uri, expected: 3, found: 2 },
] as const;

test('differences are a table where it fits, and otherwise name each object whole', () => {
  const wide = withoutStyles(renderDifferences(differences, undefined));
  expect(wide.split('\n')[0]).toMatch(/^difference +where +expected +found +detail$/);
  expect(renderDifferences(differences, 80)).toBe(`object-not-ingested  ${uri}
    source eopa-prod
rows-missing  opa_decisions ${uri}
    expected 3, found 2
`);
});

test('an answer from no table says nothing of the bytes that its tables hold', () => {
  const receipt = {
    rows: 1,
    range: null,
    snapshots: {},
    bytesHeld: 0,
    newestEvent: null,
    quarantined: { inRange: 0, total: 0 },
    incomplete: [],
    hints: [],
  };
  const shown = renderReceipt({ rows: 1, bytesScanned: 7372, seconds: 0.2 }, receipt, undefined, 80);
  expect(withoutStyles(shown)).toBe('1 row, 7.2 KiB scanned, 0.2 s\n');
});
