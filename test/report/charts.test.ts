/** What is drawn is what was counted: shapes measured from the markup, without a browser. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { barChart, type Chart, columnChart } from '../../src/report/charts.ts';

const chart = (values: readonly (readonly number[])[], labels?: readonly string[]): Chart => ({
  id: 'c',
  title: 'A <title>',
  description: 'A "description"',
  labels: labels ?? values[0]!.map((_, i) => `l${i}`),
  series: values.map((of, i) => ({ name: `s${i}`, colour: ['allowed', 'denied', 'other'][i]!, values: of })),
  format: (value) => `${value} x`,
});

/** Width and height of each box of a colour, in the order of drawing. */
const boxes = (svg: string, colour: string): { x: number; width: number; height: number }[] =>
  [...svg.matchAll(new RegExp(`<path fill="var\\(--${colour}\\)" d="([^"]*)"/>`, 'g'))].flatMap(([, d]) =>
    [...d!.matchAll(/M(-?[\d.]+) -?[\d.]+h(-?[\d.]+)v(-?[\d.]+)h-?[\d.]+z/g)].map(([, x, width, height]) => ({
      x: Number(x),
      width: Number(width),
      height: Number(height),
    })),
  );

const counts = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 12 });

describe('a bar chart', () => {
  test('draws each number as long as it is of the highest sum, one after the other', () => {
    fc.assert(
      fc.property(counts, counts, (one, other) => {
        const rows = Math.min(one.length, other.length);
        const drawn = barChart(chart([one.slice(0, rows), other.slice(0, rows)])).text;
        const [first, second] = [boxes(drawn, 'allowed'), boxes(drawn, 'denied')];
        expect([first.length, second.length]).toEqual([rows, rows]);
        const highest = Math.max(1, ...first.map((_, i) => one[i]! + other[i]!));
        const longest = Math.max(...first.map(({ width }, i) => width + second[i]!.width));
        for (let i = 0; i < rows; i++) {
          expect(Math.abs(first[i]!.width - (one[i]! / highest) * longest)).toBeLessThan(0.2);
          expect(Math.abs(second[i]!.width - (other[i]! / highest) * longest)).toBeLessThan(0.2);
          expect(Math.abs(second[i]!.x - first[i]!.x - first[i]!.width)).toBeLessThan(0.02);
        }
      }),
    );
  });

  test('says each sum, and each number under the pointer', () => {
    const { text } = barChart(
      chart(
        [
          [1, 2],
          [3, 0],
        ],
        ['a', 'b'],
      ),
    );
    expect([...text.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, label]) => label)).toEqual([
      'a',
      '4 x',
      'b',
      '2 x',
    ]);
    expect(text).toContain('<title>a: 1 x s0, 3 x s1</title>');
    expect(text).toContain('<title>b: 2 x s0, 0 x s1</title>');
  });

  test('escapes every text, and cuts a long label', () => {
    const { text } = barChart(chart([[1]], [`</text><script>${'m'.repeat(100)}`]));
    expect(text).not.toContain('<script');
    expect(text).toMatch(/>&lt;\/text&gt;&lt;m*s?c?r?[^<]*…<\/text>/);
    expect(text).toContain('<title id="c-t">A &lt;title&gt;</title><desc id="c-d">A &quot;description&quot;</desc>');
  });

  test('of nothing but zeros has no length', () => {
    expect(boxes(barChart(chart([[0, 0]])).text, 'allowed').map(({ width }) => width)).toEqual([0, 0]);
  });
});

describe('a column chart', () => {
  test('draws each number as high as it is, in a wide and in a narrow shape', () => {
    fc.assert(
      fc.property(counts, (values) => {
        const drawn = columnChart(chart([values])).text.split('</svg>');
        const seen = values.filter((value) => value > 0);
        for (const svg of drawn.slice(0, 2)) {
          const columns = boxes(svg, 'allowed');
          expect(columns.length).toBe(seen.length);
          const unit = Math.max(0, ...columns.map(({ height }) => height)) / Math.max(1, ...seen);
          for (const [i, { height }] of columns.entries()) {
            expect(Math.abs(height - seen[i]! * unit)).toBeLessThan(0.05);
          }
        }
      }),
    );
  });

  test('keeps its labels apart, and its columns inside', () => {
    for (const count of [1, 2, 7, 31, 62]) {
      const { text } = columnChart(chart([Array(count).fill(3)]));
      for (const [svg, width] of [
        [text.split('</svg>')[0]!, 1040],
        [text.split('</svg>')[1]!, 360],
      ] as const) {
        const places = [...svg.matchAll(/<text x="([\d.]+)"[^>]*text-anchor="middle"/g)].map(([, x]) => Number(x));
        expect(places.length).toBeGreaterThan(0);
        for (const [i, x] of places.entries()) if (i > 0) expect(x - places[i - 1]!).toBeGreaterThanOrEqual(68);
        for (const { x, width: wide } of boxes(svg, 'allowed')) {
          expect(x).toBeGreaterThanOrEqual(48);
          expect(x + wide).toBeLessThanOrEqual(width - 36);
        }
      }
    }
  });

  test('has an axis of whole numbers', () => {
    const axis = (top: number) =>
      [
        ...columnChart(chart([[top]]))
          .text.split('</svg>')[0]!
          .matchAll(/text-anchor="end"[^>]*>([^<]*)</g),
      ].map(([, label]) => label);
    expect(axis(1)).toEqual(['0', '1']);
    expect(axis(3)).toEqual(['0', '1', '2', '3']);
    expect(axis(4200)).toEqual(['0', '2K', '4K', '6K']);
  });
});
