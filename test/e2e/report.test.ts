/** The report as a person sees it: written by the binary, opened in a headless Chromium. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import pLimit from 'p-limit';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { binary, temporaryFolder } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import { type ComputedStyle, contrasts, type PageDocument, type PageElement } from './support/report-dom.ts';
import { brokenLines, decisions, expectedReport, reportLogs } from './support/report-logs.ts';

// In the page.
declare const document: PageDocument;
declare const getComputedStyle: ComputedStyle;

describeWith(['chromium'], 'the report in a browser', () => {
  const home = temporaryFolder();
  const file = join(home.folder, 'report.html');
  let place: Place;
  let browser: Browser;

  beforeAll(async () => {
    for (const [name, logs] of Object.entries(reportLogs())) {
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
        { name: 'eopa-2', type: 'opa', location: './opa2' },
        { name: 'okera', type: 'okera-audit', location: './okera' },
      ],
    });
    expect((await backfill(place)).code).toBe(0);
    await report(...wholeReport);
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
  const wholeReport = ['--title', 'Access <b>in July</b>', '--from', '2023-07-10', '--to', '2023-07-12'];

  /** The page in a new window, with whatever it asked for or complained about. */
  async function open(options: { width: number; scheme: 'light' | 'dark'; name?: string }) {
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
    await page.goto(`file://${join(home.folder, options.name ?? 'report.html')}`);
    await page.waitForLoadState('load');
    return { page, requested, complaints };
  }

  test('asks for nothing, complains of nothing, and runs nothing that a log says', async () => {
    const { page, requested, complaints } = await open({ width: 1280, scheme: 'light' });
    expect(requested).toEqual([`file://${file}`]);
    expect(complaints).toEqual([]);
    expect(
      await page.locator('script, img, iframe, object, link, form, main b, main i:not(.legend i), main u').count(),
    ).toBe(0);
    const addresses = await hrefs(page);
    expect(addresses.length).toBeGreaterThan(10);
    expect(addresses.filter((href) => !href.startsWith('#'))).toEqual([]);
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
    expect(await page.locator('#resources .note').first().textContent()).toBe(
      'The first 20 of 31 different resources.',
    );
    expect((await cells(page, '#policies .pair > :first-child')).map((row) => row.slice(0, 4))).toEqual(
      expected.policies,
    );
    expect((await cells(page, '#policies .pair > :last-child')).map((row) => row.slice(0, 4))).toEqual(expected.labels);
    // A decision without a subject is no subject.
    expect(await page.locator('.figures').textContent()).toContain(
      `by ${expected.distinctSubjects} subjects on 31 resources`,
    );
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
    // Each cell stands where it can be seen, with the name of its column.
    const hidden = await page
      .locator('td')
      .evaluateAll((all: PageElement[]) =>
        all.filter((cell) => cell.getBoundingClientRect().right > 390).map((cell) => cell.textContent),
      );
    expect(hidden).toEqual([]);
    const cell = page.locator('#denied tbody tr').first().locator('td').nth(3);
    expect(await cell.evaluate((td: PageElement) => getComputedStyle(td, '::before').content)).toContain('Denials');
    await page.close();
  });

  test.each([1280, 1024, 800])('cuts no table off at %i px', async (width) => {
    const { page } = await open({ width, scheme: 'light' });
    await openAll(page);
    const cut = await page
      .locator('.scroll')
      .evaluateAll((all: PageElement[]) =>
        all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.getAttribute('aria-label')),
      );
    expect(cut).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await page.close();
  });

  test('prints whole: nothing is wider than the paper, and numbers that fold are unfolded', async () => {
    const { page } = await open({ width: 718, scheme: 'dark' });
    await page.emulateMedia({ media: 'print' });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(718);
    const wide = await page
      .locator('main *:visible')
      .evaluateAll((all: PageElement[]) =>
        all.filter((one) => one.getBoundingClientRect().right > 719).map((one) => one.textContent?.slice(0, 40)),
      );
    expect(wide).toEqual([]);
    expect(await page.locator('#decisions tbody tr').first().isVisible()).toBe(true);
    expect(await page.locator('nav').isVisible()).toBe(false);
    expect(await page.locator('.commands').first().isVisible()).toBe(false);
    expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000);
    await page.close();
  });

  test('has contents that lead to all of its parts', async () => {
    const { page } = await open({ width: 1280, scheme: 'light' });
    const contents = await page
      .locator('nav.contents a')
      .evaluateAll((all: PageElement[]) => all.map((one) => [one.getAttribute('href')!, one.textContent!] as const));
    const headings = (await page.locator('main h2').allTextContents()).map((text) => text.replace(/#$/, ''));
    expect(contents.map(([, title]) => title)).toEqual(headings);
    for (const [href, title] of contents) {
      await page.locator(`nav.contents a[href="${href}"]`).click();
      expect(page.url().endsWith(href)).toBe(true);
      expect(await page.locator(`${href} h2`).textContent()).toBe(`${title}#`);
      const { top } = (await page.locator(href).evaluate((one: PageElement) => one.getBoundingClientRect())) as {
        top: number;
      };
      expect(top).toBeLessThan(844);
    }
    await page.close();
  });

  test('says nothing of where it was made', async () => {
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain(home.folder);
    expect(text).not.toContain('file://');
    expect(text).toContain('from a local warehouse');
  });

  describe('of one day', () => {
    const day = '2023-07-12';
    const expected = expectedReport({ days: [day] });
    const before = expectedReport({ days: ['2023-07-11'] });
    let page: Page;
    beforeAll(async () => {
      await report('--from', day, '--to', day, '--data');
      ({ page } = await open({ width: 1280, scheme: 'light' }));
    });
    afterAll(async () => {
      await page.close();
      await report(...wholeReport);
    });

    test('says what it is compared with, and by how much it differs', async () => {
      expect(await page.locator('header').textContent()).toContain('Compared with 2023-07-11.');
      const change = (now: number, then: number) => {
        const part = (100 * (now - then)) / then;
        return `${part > 0 ? '+' : '−'}${Math.abs(part).toFixed(1)} % (${then} the day before)`;
      };
      const tile = (name: string) => page.locator('.figures div', { has: page.locator(`dt:text-is("${name}")`) });
      expect(await tile('Decisions').textContent()).toContain(change(expected.decisions, before.decisions));
      expect(await tile('Denied').textContent()).toContain(change(expected.outcomes.denied, before.outcomes.denied));
      expect(await tile('Okera requests').textContent()).toContain(change(expected.requests, before.requests));
      expect(await tile('In quarantine').textContent()).toContain('none the day before');
    });

    test('lists who and what is seen for the first time, and where from', async () => {
      expect(await page.locator('#new .lead').textContent()).toContain('none from 2023-06-12 to 2023-07-11 (UTC)');
      expect(await cells(page, '#new-subjects')).toEqual(expected.newSubjects);
      expect(await cells(page, '#new-resources')).toEqual(expected.newResources);
      expect(await cells(page, '#new-networks')).toEqual(expected.newNetworks);
      expect(expected.newSubjects!.length).toBeGreaterThan(0);
    });

    test('marks the spike, and says what it is', async () => {
      const spikes = await page.locator('#decisions .spikes li').allTextContents();
      expect(spikes).toHaveLength(2);
      expect(spikes[1]).toMatch(/^2023-07-12 12:00 UTC: 60 denied, \d+\.\d times the median of \d$/);
      const mark = page.locator('#decisions svg:visible .mark');
      expect(await mark.count()).toBe(1);
      // Above the column that it marks.
      const [at, columns] = await Promise.all([
        mark.evaluate((one: PageElement) => one.getBoundingClientRect()),
        page
          .locator('#decisions svg:visible path[fill="var(--denied)"]')
          .evaluate((one: PageElement) => one.getBoundingClientRect()),
      ]);
      expect(at.bottom).toBeLessThanOrEqual(columns.top);
      expect(await page.locator('#okera .spikes').count()).toBe(0);
    });

    test('has its data beside it, as CSV and JSON that agree with the page', async () => {
      const folder = join(home.folder, 'report-data');
      const json = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as ReportJson;
      expect(json.range).toEqual({ from: '2023-07-12T00:00:00Z', to: '2023-07-12T23:59:59.999999Z' });
      expect(json.totals.decisions).toMatchObject({
        total: expected.decisions,
        denied: expected.outcomes.denied,
        before: { total: before.decisions, denied: before.outcomes.denied },
        new: { subjects: 1, resources: 1, networks: 1 },
      });
      const links = (await hrefs(page)).filter((href) => !href.startsWith('#'));
      expect(links.map((href) => href.replace('./report-data/', '')).sort()).toEqual(readdirSync(folder).sort());
      for (const [name, rows] of Object.entries(json.tables)) {
        const [head, ...lines] = parse(readFileSync(join(folder, `${name}.csv`)), {
          relax_column_count: false,
        }) as string[][];
        expect(head!.length).toBeGreaterThan(0);
        const asText = rows.map((row) => head!.map((column) => (row[column] === null ? '' : String(row[column]))));
        expect(lines).toEqual(asText.map((row) => row.map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell))));
      }
      expect(json.tables.subjects!.map((row) => row.decisions)).toEqual(
        expected.subjects.map(([, count]) => Number(count)),
      );
      await page.locator('#subjects a[href$="subjects.csv"]').first().waitFor();
    });

    test('gives commands that give its numbers', async () => {
      const json = JSON.parse(readFileSync(join(home.folder, 'report-data/report.json'), 'utf8')) as ReportJson;
      const commands = new Set(await page.locator('.commands code').allTextContents());
      expect(commands.size).toBeGreaterThan(20);
      const limit = pLimit(2);
      const ran = await Promise.all(
        [...commands].map((command) =>
          limit(async () => {
            const { PATH = '', HOME = '' } = process.env;
            const { stdout } = await promisify(execFile)('bash', ['-c', `${command} --format json`], {
              cwd: home.folder,
              env: { PATH: `${dirname(binary)}:${PATH}`, HOME, LC_ALL: 'C.UTF-8' },
            });
            const { columns, rows } = JSON.parse(stdout) as { columns: string[]; rows: unknown[][] };
            return { command, rows: rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))) };
          }),
        ),
      );
      let compared = 0;
      for (const { command, rows } of ran) {
        const name = /query report-(\S+)/.exec(command)?.[1];
        // Those over time count by what the engine is asked for, not by the columns of the chart.
        const table = name === undefined || name.endsWith('over-time') ? undefined : json.tables[name];
        if (name === undefined) {
          expect([command, rows.length > 0]).toEqual([command, true]);
        } else if (table !== undefined) {
          const columns = Object.keys(table[0] ?? {});
          const found = rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
          expect([command, name === 'okera-changes' ? found.reverse() : found]).toEqual([command, table]);
          compared++;
        }
      }
      expect(compared).toBeGreaterThan(12);
      const spike = ran.find(({ command }) => command.includes('allowed=false') && command.includes('T12:00:00Z'))!;
      expect(spike.rows).toHaveLength(60);
    });
  });

  describe('limited', () => {
    afterAll(() => report(...wholeReport));
    const days = ['--from', '2023-07-10', '--to', '2023-07-12'];

    test.each([
      ['to a subject', ['--subject', 'm<u>allory'], { subject: 'm<u>allory' }],
      ['to a user of Okera', ['--subject', 'janedoe'], { subject: 'janedoe' }],
      ['to a path', ['--path', '</title>&'], { path: '</title>&' }],
      ['to a source', ['--source', 'eopa-2'], { source: 'eopa-2' }],
      ['to the source of the other system', ['--source', 'okera'], { source: 'okera' }],
      [
        'to several at once',
        ['--source', 'eopa', '--subject', 'bob', '--path', 'authz/allow'],
        { source: 'eopa', subject: 'bob', path: 'authz/allow' },
      ],
    ] as const)('%s, counts that only', async (_what, args, limits) => {
      await report(...days, ...args);
      const { page } = await open({ width: 1280, scheme: 'light' });
      const expected = expectedReport(limits);
      expect(await figure(page, 'Decisions')).toBe(String(expected.decisions));
      expect(await figure(page, 'Denied')).toBe(String(expected.outcomes.denied));
      expect((await cells(page, '#subjects')).map((row) => row.slice(0, 4))).toEqual(expected.subjects);
      expect((await cells(page, '#networks')).map((row) => row.slice(0, 4)).sort()).toEqual(expected.networks.sort());
      expect(await cells(page, '#okera-users')).toEqual('path' in limits ? [] : expected.users);
      for (const value of Object.values(limits)) expect(await page.locator('header').textContent()).toContain(value);
      await page.close();
    });
  });

  test('lists the reports of a folder, by what they say, and passes over other pages', async () => {
    const folder = join(home.folder, 'many');
    mkdirSync(folder);
    writeFileSync(join(folder, 'other.html'), '<!doctype html><title>not ours</title>');
    const forged = {
      title: '<img src=x onerror=alert(1)>',
      range: '\u202elive',
      from: 'x',
      to: 'z',
      made: 'm',
      filters: { '<b>': '"' },
    };
    const counts = { decisions: 1, denied: 0, requests: 0, refused: 0, quarantined: 0 };
    const meta = (value: object) =>
      `<meta name="audit-warehouse-report" content="${JSON.stringify(value).replace(/[&"<]/g, (c) => `&${{ '&': 'amp', '"': 'quot', '<': 'lt' }[c]};`)}">`;
    writeFileSync(join(folder, 'javascript:alert(1).html'), meta({ ...forged, ...counts }));
    writeFileSync(join(folder, 'broken.html'), meta({ ...forged, ...counts, decisions: '1' }));
    for (const day of ['2023-07-11', '2023-07-12']) {
      await report('--from', day, '--to', day, '--output', `many/${day}.html`, '--index', '--subject', 'alice');
    }
    const { page, requested, complaints } = await open({ width: 1280, scheme: 'light', name: 'many/index.html' });
    expect([requested.length, complaints]).toEqual([1, []]);
    const expected = ['2023-07-12', '2023-07-11'].map((day) => {
      const { decisions } = expectedReport({ days: [day], subject: 'alice' });
      return ['Audit report', day, 'subject alice', String(decisions)];
    });
    const [first, ...rows] = await cells(page, '#reports');
    expect(first!.slice(0, 3)).toEqual(['<img src=x onerror=alert(1)>', '\\u{202e}live', '<b> "']);
    expect(rows.map((row) => row.slice(0, 4))).toEqual(expected);
    expect(await hrefs(page)).toEqual(['./javascript%3Aalert(1).html', './2023-07-12.html', './2023-07-11.html']);
    await page.locator('a', { hasText: 'Audit report' }).first().click();
    expect(await page.locator('h1').textContent()).toBe('Audit report');
    await page.close();
    const { page: phone } = await open({ width: 390, scheme: 'dark', name: 'many/index.html' });
    expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await phone.close();
  });

  test('as JSON writes no page, and the page only where it is asked for', async () => {
    const run = await start(['report', '--json', '--from', '2023-07-10', '--to', '2023-07-12'], place).done;
    expect([run.code, run.stderr]).toEqual([0, '']);
    expect((JSON.parse(run.stdout) as ReportJson).totals.decisions.total).toBe(expectedReport().decisions);
    expect(readdirSync(home.folder)).not.toContain('audit-report.html');
  });

  test.each([
    [
      'an unknown source',
      ['--source', 'eopa2'],
      /no source eopa2 in the configuration; there are: eopa, eopa-2, okera/,
    ],
    ['data without a place', ['--output', '-', '--data', '--index'], /--data and --index needs? --output FILE/],
    ['a report in place of the index', ['--output', 'x/index.html', '--index'], /another name/],
    ['days that are none', ['--look-back', '-1'], /--look-back takes a whole number/],
  ])('%s is refused, before anything is asked', async (_what, args, message) => {
    const run = await start(['report', ...args], place).done;
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(message);
  });

  test('of one system has nothing of the other', async () => {
    const folder = join(home.folder, 'alone');
    const alone = configure(folder, {
      warehouse: './w',
      sources: [{ name: 'eopa', type: 'opa', location: '../opa2' }],
    });
    expect((await backfill(alone)).code).toBe(0);
    expect((await start(['report', '--output', 'report.html'], alone).done).code).toBe(0);
    const { page } = await open({ width: 1280, scheme: 'light', name: 'alone/report.html' });
    expect(await page.locator('[id^=okera], #changes').count()).toBe(0);
    expect(await page.locator('main').textContent()).not.toContain('Okera');
    expect(await page.locator('footer').textContent()).toContain('there is no table okera_audit_logs yet');
    // There is no time before that could tell what is new.
    expect(await page.locator('#new').textContent()).toContain('it is unknown which are new');
    await page.close();
  });

  test('of a part of a day counts that part only', async () => {
    await report('--from', '2023-07-11T06:00:00Z', '--to', '2023-07-11T07:59:59Z');
    const { page } = await open({ width: 1280, scheme: 'light' });
    const between = decisions.filter(({ timestamp }) => /^2023-07-11T0[67]/.test(timestamp));
    expect(await figure(page, 'Decisions')).toBe(String(between.length));
    expect(await page.locator('header p').first().textContent()).toContain(
      '2023-07-11 06:00:00 to 2023-07-11 07:59:59',
    );
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

const hrefs = (page: Page): Promise<string[]> =>
  page.locator('a').evaluateAll((all: PageElement[]) => all.map((one) => one.getAttribute('href')!));

interface ReportJson {
  readonly range: object;
  readonly totals: { readonly decisions: { readonly total: number } };
  readonly tables: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
}

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
