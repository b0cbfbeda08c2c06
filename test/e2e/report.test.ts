/** The report as a person sees it: written by the binary, opened in a headless Chromium. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../commands/cli.ts';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { ComputedStyle, PageDocument, PageElement } from './report-dom.ts';
import { brokenLines, expectedReport, reportLogs } from './report-logs.ts';

// In the page.
declare const document: PageDocument;
declare const getComputedStyle: ComputedStyle;

describeWith(['chromium'], 'the report in a browser', () => {
  const home = temporaryFolder();
  const file = join(home.folder, 'report.html');
  let place: Place;
  let browser: Browser;

  beforeAll(async () => {
    const { opa, okera } = reportLogs();
    for (const [name, logs] of [
      ['opa', opa],
      ['okera', okera],
    ] as const) {
      for (const { key, body } of logs) {
        const path = join(home.folder, name, key);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, body);
      }
    }
    place = configure(home.folder, {
      warehouse: './warehouse',
      sources: [
        { name: 'eopa', type: 'opa', location: './opa' },
        { name: 'okera', type: 'okera-audit', location: './okera' },
      ],
    });
    expect((await backfill(place)).code).toBe(0);
    await report('--title', 'Access <b>in July</b>', '--from', '2023-07-10', '--to', '2023-07-12');
    // Chromium has no sandbox for root.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: await rig.chromium(), args });
  });
  afterAll(async () => {
    await browser?.close();
    home.remove();
  });

  async function report(...args: string[]): Promise<string> {
    const run = await start(['report', '--output', 'report.html', ...args], place).done;
    expect(run.code, run.stderr).toBe(0);
    return run.stdout;
  }

  /** The page in a new window, with whatever it asked for or complained about. */
  async function open(options: { width: number; scheme: 'light' | 'dark' }) {
    const page = await browser.newPage({
      viewport: { width: options.width, height: 844 },
      colorScheme: options.scheme,
    });
    const requested: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requested.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('dialog', (dialog) => complaints.push(dialog.message()));
    await page.goto(`file://${file}`);
    await page.waitForLoadState('load');
    return { page, requested, complaints };
  }

  test('asks for nothing, complains of nothing, and runs nothing that a log says', async () => {
    const { page, requested, complaints } = await open({ width: 1280, scheme: 'light' });
    expect(requested).toEqual([`file://${file}`]);
    expect(complaints).toEqual([]);
    expect(
      await page.locator('script, img, iframe, object, link, a, form, main b, main i:not(.legend i), main u').count(),
    ).toBe(0);
    expect(
      await page.evaluate(
        () =>
          [...document.querySelectorAll('*')].filter((element) =>
            [...element.attributes].some(({ name }) => name.startsWith('on')),
          ).length,
      ),
    ).toBe(0);
    expect(await page.locator('h1').textContent()).toBe('Access <b>in July</b>');
    expect(readFileSync(file).length).toBeLessThan(300_000);
    await page.close();
  });

  test('shows the numbers of the raw records', async () => {
    const { page } = await open({ width: 1280, scheme: 'light' });
    const expected = expectedReport();
    const over = await cells(page, '#decisions');
    const sums = over.reduce<number[]>((sum, row) => row.slice(1).map((cell, i) => Number(cell) + (sum[i] ?? 0)), []);
    expect(sums).toEqual([...Object.values(expected.outcomes), expected.decisions]);
    expect(await figure(page, 'Decisions')).toBe(String(expected.decisions));
    expect((await cells(page, '#subjects')).map((row) => row.slice(0, 4))).toEqual(expected.subjects);
    expect((await cells(page, '#resources')).map((row) => row.slice(0, 4))).toEqual(expected.resources);
    // Networks with as many decisions stand in the order of their addresses, which is not that of their texts.
    expect((await cells(page, '#networks')).map((row) => row.slice(0, 4)).sort()).toEqual(expected.networks.sort());
    expect((await cells(page, '#denied')).map((row) => row.slice(0, 4)).sort()).toEqual(expected.denials.sort());
    expect(await page.locator('#resources .note').textContent()).toBe('The first 20 of 30 different resources.');
    expect(await cells(page, '#okera-tables')).toEqual(expected.tables);
    expect(await cells(page, '#okera-users')).toEqual(expected.users);
    expect((await cells(page, '#changes')).map((row) => row[2])).toEqual(expected.changes);
    expect(await figure(page, 'Okera requests')).toBe(String(expected.requests));
    expect(await figure(page, 'In quarantine')).toBe(String(brokenLines));
    expect(await page.locator('#ingestion').textContent()).toContain('The accounts balance');
    await page.close();
  });

  test('draws what its tables say', async () => {
    const { page } = await open({ width: 1280, scheme: 'light' });
    const [subjects, texts] = [
      await cells(page, '#subjects'),
      await page.locator('#subjects svg text').allTextContents(),
    ];
    expect(texts.filter((text) => /^\d+$/.test(text))).toEqual(subjects.slice(0, 10).map((row) => row[1]));
    expect(texts).toContain('alice');
    // The lengths of the bars are as the counts.
    const bars = await page
      .locator('#subjects svg path[fill="var(--allowed)"]')
      .evaluateAll((paths: PageElement[]) => paths.map((path) => path.getBBox().width));
    const unit = bars[0]! / Number(subjects[0]![2]);
    for (const [i, width] of bars.entries()) expect(width / unit).toBeCloseTo(Number(subjects[i]![2]), 0);
    await page.close();
  });

  test('names each chart and table for those who cannot see them, and gives no id twice', async () => {
    const { page } = await open({ width: 1280, scheme: 'light' });
    const charts = await page.locator('svg').evaluateAll((drawn: PageElement[]) =>
      drawn.map((svg) => [
        svg.getAttribute('role'),
        ...svg
          .getAttribute('aria-labelledby')!
          .split(' ')
          .map((id) => document.getElementById(id)!.textContent),
      ]),
    );
    expect(charts.length).toBeGreaterThan(8);
    for (const [role, title, description] of charts) {
      expect(role).toBe('img');
      expect([title !== '', description !== '']).toEqual([true, true]);
    }
    expect(await page.locator('table').count()).toBe(await page.locator('table > caption').count());
    const ids = await page.locator('[id]').evaluateAll((elements: PageElement[]) => elements.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    await page.close();
  });

  test('follows the light and the dark scheme, with contrast enough in both', async () => {
    const seen: string[] = [];
    for (const scheme of ['light', 'dark'] as const) {
      const { page } = await open({ width: 1280, scheme });
      await openAll(page);
      const { ground, texts, shapes } = await page.evaluate(contrasts);
      seen.push(ground);
      expect(texts.length).toBeGreaterThan(300);
      expect(texts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
      expect(shapes.length).toBeGreaterThan(50);
      expect(shapes.filter(({ ratio }) => ratio < 3)).toEqual([]);
      await page.close();
    }
    expect(seen[0]).not.toBe(seen[1]);
  });

  test('fits a phone: no sideways scroll of the page, charts that can be read', async () => {
    const { page } = await open({ width: 390, scheme: 'light' });
    await openAll(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    const sizes = await page.locator('svg:visible text').evaluateAll((texts: PageElement[]) =>
      texts.map((text) => {
        const { ownerSVGElement: svg } = text;
        return (Number.parseFloat(getComputedStyle(text).fontSize) * svg!.clientWidth) / svg!.viewBox.baseVal.width;
      }),
    );
    expect(sizes.length).toBeGreaterThan(50);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(10);
    const cut = await page.locator('svg:visible text').evaluateAll((texts: PageElement[]) =>
      texts
        .filter((text) => {
          const [inner, outer] = [text.getBoundingClientRect(), text.ownerSVGElement!.getBoundingClientRect()];
          return inner.left < outer.left - 1 || inner.right > outer.right + 1;
        })
        .map((text) => text.textContent),
    );
    expect(cut).toEqual([]);
    expect(await page.locator('#decisions svg:visible').count()).toBe(1);
    // What does not fit scrolls in its own place.
    const wide = await page
      .locator('.scroll')
      .evaluateAll((all: PageElement[]) => all.filter((one) => one.scrollWidth > one.clientWidth).length);
    expect(wide).toBeGreaterThan(0);
    await page.close();
  });

  test('of a part of a day counts that part only', async () => {
    await report('--from', '2023-07-11T06:00:00Z', '--to', '2023-07-11T07:59:59Z');
    const { page } = await open({ width: 1280, scheme: 'light' });
    const between = reportLogs().opa.flatMap(
      ({ body }) => body.toString().match(/"timestamp":"2023-07-11T0[67]/g) ?? [],
    );
    expect(await figure(page, 'Decisions')).toBe(String(between.length));
    expect(await page.locator('header p').textContent()).toContain('2023-07-11 06:00:00 to 2023-07-11 07:59:59');
    await page.close();
  });

  describe('without a range', () => {
    test('takes the seven days up to the last one with events', async () => {
      expect(await report()).toMatch(/^wrote report\.html: 2023-07-06 to 2023-07-12, \d+ KiB\n$/);
      const { page } = await open({ width: 1280, scheme: 'light' });
      expect(await figure(page, 'Decisions')).toBe(String(expectedReport().decisions));
      await page.close();
    });
  });
});

const openAll = (page: Page): Promise<void> =>
  page.locator('details').evaluateAll((all: PageElement[]) => {
    for (const one of all) one.setAttribute('open', '');
  });

/** Cells of the table in a place, row by row. */
const cells = (page: Page, place: string): Promise<string[][]> =>
  page
    .locator(`${place} tbody tr`)
    .evaluateAll((rows: PageElement[]) =>
      rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent!.replaceAll(',', ''))),
    );

const figure = async (page: Page, name: string): Promise<string> => {
  const value = page.locator('.figures div', { has: page.locator(`dt:text-is("${name}")`) }).locator('dd');
  return (await value.evaluate((dd: PageElement) => dd.firstChild!.textContent!)).replaceAll(',', '');
};

/** Runs in the page: the contrast (WCAG 2, relative luminance) of everything that is written or drawn with its ground. */
function contrasts() {
  const luminance = (colour: string): number => {
    const [r, g, b] = colour.match(/[\d.]+/g)!.map((part) => {
      const value = Number(part) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const groundOf = (element: PageElement): string => {
    for (let at: PageElement | null = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\)$|transparent/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const ratio = (one: string, other: string): number => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high! + 0.05) / (low! + 0.05);
  };
  const texts = [...document.querySelectorAll('body *')]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== ''))
    .filter((element) => !['title', 'desc'].includes(element.tagName) && element.getClientRects().length > 0)
    .map((element) => {
      const style = getComputedStyle(element);
      const colour = 'ownerSVGElement' in element ? style.fill : style.color;
      return { text: element.textContent!.slice(0, 30), colour, ratio: ratio(colour, groundOf(element)) };
    });
  const drawn = [...document.querySelectorAll('svg path')].filter((path) => path.getAttribute('fill') !== 'none');
  const shapes = [...drawn, ...document.querySelectorAll('.legend i')].map((shape) => {
    const style = getComputedStyle(shape);
    const colour = 'ownerSVGElement' in shape ? style.fill : style.backgroundColor;
    return { colour, ratio: ratio(colour, groundOf(shape.parentElement!)) };
  });
  return { ground: getComputedStyle(document.body).backgroundColor, texts, shapes };
}
