/** The pages of `serve` as a person uses them: started by the binary, clicked through in a headless Chromium. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backfill, configure, type Place, type Run, start } from '../support/binary.ts';
import { binary, temporaryFolder } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import { contrasts, type PageDocument, type PageElement } from './support/report-dom.ts';
import { decisions, expectedReport, reportLogs } from './support/report-logs.ts';

// In the page.
declare const document: PageDocument;

interface Serving {
  readonly link: string;
  readonly origin: string;
  stop(): Promise<Run>;
}

describeWith(['chromium'], 'pages in a browser', () => {
  const home = temporaryFolder();
  let place: Place;
  let browser: Browser;
  let context: BrowserContext;
  let serving: Serving;
  const complaints: string[] = [];

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
    serving = await serve();
    // Chromium has no sandbox for root.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: await rig.chromium(), args });
    context = await browser.newContext({ viewport: { width: 1280, height: 844 } });
    const page = await context.newPage();
    await page.goto(serving.link);
    await page.waitForURL(`${serving.origin}/`);
    await page.close();
  });
  afterAll(async () => {
    await browser?.close();
    expect((await serving?.stop())?.code).toBe(0);
    home.remove();
  });

  async function serve(): Promise<Serving> {
    let tell: (link: string) => void;
    const said = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const run = start(['serve'], { ...place, onOutput: (line) => tell(line) });
    const link = /^open (http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32})$/.exec(
      await Promise.race([said, run.done.then(({ stderr }) => stderr)]),
    )![1]!;
    return {
      link,
      origin: new URL(link).origin,
      stop: () => {
        run.kill('SIGINT');
        return run.done;
      },
    };
  }

  /** A page of the server, with what it complains about. */
  async function open(path: string): Promise<Page> {
    const page = await context.newPage();
    page.on('console', (message) => complaints.push(`${path}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(`${path}: ${error}`));
    page.on('dialog', (dialog) => complaints.push(`${path}: ${dialog.message()}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${serving.origin}/`)) complaints.push(`${path} asks ${request.url()}`);
    });
    await page.goto(`${serving.origin}${path}`);
    return page;
  }

  const days = 'from=2023-07-10T00:00:00Z&to=2023-07-12T23:59:59.999999Z';
  const rows = (page: Page): Promise<string[][]> =>
    page
      .locator('#answer tbody tr')
      .evaluateAll((all: PageElement[]) =>
        all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent!)),
      );
  const caption = (page: Page) => page.locator('#answer caption').textContent();

  describe('the door', () => {
    /** A request as any program can make it, with the headers that it chooses. */
    const raw = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
        const request = httpRequest(`${serving.origin}${path}`, { method, headers }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => {
            body += text;
          });
          response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
        });
        request.on('error', reject);
        request.end();
      });

    test('hears an address as long as those that pages lead to', async () => {
      expect((await raw(`/sql?sql=${'x'.repeat(200_000)}`)).status).toBe(403);
    });

    test('is closed to everybody else, also with the link once it has been used', async () => {
      const { pathname, search } = new URL(serving.link);
      for (const path of [
        '/',
        '/questions',
        '/sql.csv?sql=select+1',
        `${pathname}${search}`,
        '/?token=',
        '/?token=x',
      ]) {
        const { status, body, headers } = await raw(path);
        expect([path, status]).toEqual([path, 403]);
        expect(body).toContain('Open the link that serve has printed');
        expect(headers['set-cookie']).toBeUndefined();
      }
    });

    test('opens by the cookie, which only this server gets, and no script', async () => {
      const [cookie] = await context.cookies();
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', domain: '127.0.0.1', path: '/' });
      const name = `audit-warehouse-${new URL(serving.origin).port}`;
      expect(cookie!.name).toBe(name);
      const mine = { cookie: `other=1; ${name}=${cookie!.value}` };
      expect((await raw('/questions', mine)).status).toBe(200);
      expect((await raw('/questions', { cookie: `${name}=${cookie!.value}x` })).status).toBe(403);
      // By another name, from another site, or to change anything, it does not.
      expect((await raw('/questions', { ...mine, host: 'evil.example' })).status).toBe(421);
      expect((await raw('/questions', { ...mine, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
      expect((await raw('/questions', mine, 'POST')).status).toBe(405);
      expect((await raw('/questions', mine, 'HEAD')).body).toBe('');
      expect((await raw(`/questions?${'a=1&'.repeat(101)}`, mine)).status).toBe(400);
      expect((await raw('/nothing', mine)).status).toBe(404);
    });

    test('lets no script, frame or other site in', async () => {
      const [cookie] = await context.cookies();
      const { headers } = await raw('/questions', { cookie: `${cookie!.name}=${cookie!.value}` });
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      );
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
        'cross-origin-resource-policy': 'same-origin',
      });
    });
  });

  test('the overview has the numbers of the raw records, and every link on it leads to an answer', async () => {
    const page = await open('/?from=2023-07-12&to=2023-07-12');
    const expected = expectedReport({ days: ['2023-07-12'] });
    const figure = page.locator('.figures div', { has: page.locator('dt:text-is("Decisions")') }).locator('dd');
    expect(await figure.evaluate((dd: PageElement) => dd.firstChild!.textContent)).toBe(String(expected.decisions));
    expect(await page.locator('script, img, iframe, object, link').count()).toBe(0);
    const hrefs = await page
      .locator('main a[href^="/"]')
      .evaluateAll((all: PageElement[]) => all.map((one) => one.getAttribute('href')!));
    // One of each question, and all of the subjects, with whatever they are called.
    const byQuestion = [...Map.groupBy(hrefs, (href) => href.split('?')[0]!).values()].map(([href]) => href!);
    const subjects = hrefs.filter((href) => href.startsWith('/ask/subject-activity'));
    expect(byQuestion.length).toBeGreaterThan(20);
    expect(new Set(subjects).size).toBeGreaterThan(4);
    for (const href of new Set([...byQuestion, ...subjects])) {
      const { status } = await page.request.get(`${serving.origin}${href}`).then((got) => ({ status: got.status() }));
      expect([href, status]).toEqual([href, 200]);
    }
    await page.close();
  });

  test('a click on a bar over time gives its decisions, and one on a subject what it did', async () => {
    const page = await open('/?from=2023-07-12&to=2023-07-12');
    await page.locator('#decisions .spikes a').last().click();
    await page.waitForURL(/\/ask\/decisions\?/);
    expect(await caption(page)).toBe('Answer: 60 rows');
    await page.locator('#answer a', { hasText: 'm<u>allory' }).first().click();
    await page.waitForURL(/\/ask\/subject-activity\?/);
    expect(await page.locator('#field-subject').inputValue()).toBe('m<u>allory');
    // One row is shown as a record, without the table.
    const record = await page.locator('#answer .record dd').allTextContents();
    expect(record.slice(0, 5)).toEqual(['read', '/"secret"', '60', '0', '60']);
    await page.goBack();
    await page.locator('#answer a', { hasText: '203.0.113.7' }).click();
    await page.waitForURL(/cidr=203\.0\.113\.7/);
    expect(await page.locator('#answer .record').textContent()).toContain('attack-7');
    await page.goto(`${serving.origin}/?from=2023-07-12&to=2023-07-12`);
    // The highest column of the chart, in the middle of the day.
    await page.locator('#decisions svg:visible a').nth(24).click();
    await page.waitForURL(/\/ask\/decisions\?/);
    const inSpike = decisions.filter(({ timestamp }) => /^2023-07-12T12:[012]/.test(timestamp));
    expect(await caption(page)).toBe(`Answer: ${inSpike.length} rows`);
    await page.close();
  });

  test('a network, a resource and a user lead on as well', async () => {
    const page = await open('/?from=2023-07-10&to=2023-07-12');
    await page.locator('#networks table a', { hasText: '203.0.113.0/24' }).click();
    expect(await caption(page)).toBe('Answer: 60 rows');
    await page.goBack();
    await page.locator('#resources svg a').first().click();
    await page.waitForURL(/\/ask\/resource-activity\?/);
    expect(await page.locator('#field-resource').inputValue()).toBe('/"secret"');
    await page.goBack();
    await page.locator('#okera-users table a', { hasText: 'janedoe' }).click();
    await page.waitForURL(/\/ask\/actor-events\?/);
    const ofJane = expectedReport({ subject: 'janedoe' }).requests;
    expect(await caption(page)).toBe(`Answer: ${ofJane} rows`);
    await page.close();
  });

  test('a question is a form: what it would read, then what it read, and the command that asks the same', async () => {
    const page = await open('/questions');
    await page.locator('a:text-is("decisions")').click();
    await page.waitForURL(/\/ask\/decisions$/);
    // Filled in with the last seven days that have events.
    expect(await page.locator('#field-from').inputValue()).toBe('2023-07-06T00:00:00Z');
    expect(await page.locator('#field-to').inputValue()).toBe('2023-07-12T23:59:59.999999Z');
    await page.getByLabel('subject').fill('bob');
    await page.getByRole('button', { name: 'Show SQL and bytes first' }).click();
    expect(await page.locator('#answer').count()).toBe(0);
    const before = (await page.locator('.costs').textContent())!.trim();
    expect(before).toMatch(
      /^Before\d+ files? \([\d.]+ KiB\) may hold matching rows, of \d+ files? \([\d.]+ KiB\) in the tables$/,
    );
    expect(await page.locator('#costs pre').textContent()).toContain("subject = 'bob'");
    await page.getByRole('button', { name: 'Ask' }).click();
    expect((await page.locator('.costs').textContent())!.trim()).toMatch(/After[\d.]+ KiB read, [\d.]+ s$/);
    const ofBob = decisions.filter(({ input }) => input.subject === 'bob').length;
    expect(await caption(page)).toBe(`Answer: ${ofBob} rows`);
    const command = (await page.locator('#costs .commands code').textContent())!;
    const { PATH = '', HOME = '' } = process.env;
    const { stdout } = await promisify(execFile)('bash', ['-c', `${command} --format json`], {
      cwd: home.folder,
      env: { PATH: `${dirname(binary)}:${PATH}`, HOME, LC_ALL: 'C.UTF-8' },
    });
    expect((JSON.parse(stdout) as { rows: unknown[] }).rows).toHaveLength(ofBob);
    // The chart says what the table says; a column of it asks about its own time.
    const columns = page.locator('#answer svg:visible a');
    const said = await columns.evaluateAll((all: PageElement[]) => all.map((one) => one.getAttribute('aria-label')!));
    const counted = said.flatMap((text) =>
      [...text.matchAll(/(\d+) (?:allowed|denied|neither)/g)].map(([, n]) => Number(n)),
    );
    expect(counted.reduce((sum, n) => sum + n, 0)).toBe(ofBob);
    await page.close();
  });

  test('SQL of a question can be changed and asked', async () => {
    const page = await open(`/ask/decisions?${days}&subject=bob&run=0`);
    await page.getByRole('link', { name: 'Change this SQL' }).click();
    const sql = await page.getByLabel('Statement').inputValue();
    await page.getByLabel('Statement').fill(sql.replace("subject = 'bob'", "subject = 'alice'"));
    await page.getByRole('button', { name: 'Ask' }).click();
    const ofAlice = decisions.filter(({ input }) => input.subject === 'alice').length;
    expect(await caption(page)).toBe(`Answer: ${ofAlice} rows`);
    await page.close();
  });

  test('an answer with groups is drawn as bars as long as its numbers, and comes as CSV with all rows', async () => {
    const page = await open(`/ask/report-subjects?${days}&run=1`);
    const expected = expectedReport().subjects;
    expect((await rows(page)).map((row) => row[1])).toEqual(expected.map(([, count]) => count));
    const drawn = await page
      .locator('#answer svg text')
      .allTextContents()
      .then((texts) => texts.filter((text) => /^\d+$/.test(text)));
    expect(drawn).toEqual(expected.map(([, count]) => count));
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download as CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('report-subjects.csv');
    await page.goto(`${serving.origin}/ask/decisions?${days}&run=1`);
    expect(await page.locator('#answer').textContent()).toContain(`The first 200 of ${decisions.length} rows`);
    const csv = await page.request.get(`${serving.origin}/ask/decisions.csv?${days}`);
    expect(csv.headers()['content-type']).toBe('text/csv; charset=utf-8');
    expect(parse(await csv.body())).toHaveLength(decisions.length + 1);
    await page.close();
  });

  test.each([
    ['a time that is none', '/ask/decisions?from=x&to=y&run=1', /parameter from must be a day such as/],
    ['a parameter that is missing', '/ask/subject-activity?run=1', /needs the parameter subject/],
    ['a question that there is not', '/ask/decision', /did you mean decisions/],
    ['a range that is none', '/?from=2023-07-12&to=2023-07-10', /is after/],
    ['a source that there is not', '/?source=x', /no source x in the configuration/],
    ['SQL that is wrong', '/sql?sql=select+%3Cb%3E+from+nowhere&run=1', /nowhere|syntax error/i],
    ['SQL that writes', '/sql?sql=create+table+x(a+int)&run=1', /only statements that read/],
    [
      'SQL that reads files',
      `/sql?sql=${encodeURIComponent("select * from read_text('/etc/passwd')")}&run=1`,
      /permission|disabled|not allowed|cannot/i,
    ],
  ])('%s is explained', async (_what, path, message) => {
    const page = await context.newPage();
    const response = await page.goto(`${serving.origin}${path}`);
    expect(response!.status()).toBe(400);
    expect(await page.getByRole('alert').textContent()).toMatch(message);
    await page.close();
  });

  test('shows whatever a log or an address says as text', async () => {
    const hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e';
    const address = encodeURIComponent(hostile);
    const page = await open(`/ask/subject-activity?subject=${address}&run=1`);
    expect(await page.locator('#field-subject').inputValue()).toBe(hostile);
    expect(await page.locator('#answer').textContent()).toContain('No rows.');
    expect(await page.locator('#costs pre').textContent()).toContain('<script>alert(1)</script>');
    await page.goto(
      `${serving.origin}/sql?sql=${encodeURIComponent(`select '${hostile}' as "<i>${'x'.repeat(500)}"`)}&run=1`,
    );
    expect(await page.locator('#answer .record').textContent()).toContain('\\u{202e}');
    await page.goto(`${serving.origin}/?subject=${address}`);
    await page.goto(`${serving.origin}/ask/decisions?${days}&run=1`);
    expect(await page.locator('script, img, main b, main u').count()).toBe(0);
    const texts = await page.locator('#answer td').allTextContents();
    expect(texts).toContain('</text></svg><b>&amp;');
    expect(texts).toContain('\\u{202e}live\\u{202c}\\u{7}');
    await page.close();
    expect(complaints).toEqual([]);
  });

  test.each(['light', 'dark'] as const)('can be read in the %s scheme', async (scheme) => {
    const page = await open(`/ask/decisions?${days}&subject=bob&run=1`);
    await page.emulateMedia({ colorScheme: scheme });
    const { texts, shapes } = await page.evaluate(contrasts);
    expect(texts.length).toBeGreaterThan(300);
    expect(texts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
    expect(shapes.filter(({ ratio }) => ratio < 3)).toEqual([]);
    await page.close();
  });

  test.each(['/', '/questions', '/sql', `/ask/decisions?${days}&run=1`, '/ask/decision-details?id=attack-3&run=1'])(
    'fits a phone: %s',
    async (path) => {
      const page = await open(path);
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
      const cut = await page
        .locator('td, dd, input, select, textarea, button')
        .evaluateAll((all: PageElement[]) =>
          all.filter((one) => one.getBoundingClientRect().right > 391).map((one) => one.textContent),
        );
      expect(cut).toEqual([]);
      await page.close();
    },
  );

  test('prints an answer without the form, and within the paper', async () => {
    const page = await open(`/ask/report-subjects?${days}&run=1`);
    await page.emulateMedia({ media: 'print' });
    await page.setViewportSize({ width: 718, height: 1000 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(718);
    expect(await page.locator('form:visible, nav:visible').count()).toBe(0);
    expect(await page.locator('#answer td:visible').count()).toBeGreaterThan(10);
    // What was asked is in the SQL and in the command.
    expect(await page.locator('#costs pre').isVisible()).toBe(true);
    expect(await page.locator('#costs .commands code').isVisible()).toBe(true);
    await page.close();
  });

  test('can be used without a mouse, and names its fields and charts', async () => {
    const page = await open(`/ask/decisions?${days}&run=1`);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(page.url()).toMatch(/#main$/);
    const unnamed = await page
      .locator('input, select, textarea')
      .evaluateAll(
        (all: PageElement[]) =>
          all.filter((one) => document.querySelectorAll(`label[for="${one.id}"]`)[Symbol.iterator]().next().done)
            .length,
      );
    expect(unnamed).toBe(0);
    const charts = page.locator('#answer svg:visible');
    expect(await charts.getAttribute('role')).toBe('group');
    expect(await charts.locator('> title').textContent()).toBe('Rows over time');
    expect(await page.title()).toBe('decisions – audit-warehouse');
    const ids = await page.locator('[id]').evaluateAll((elements: PageElement[]) => elements.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    await page.close();
  });

  test('ends in good order while a question is being answered', async () => {
    const other = await serve();
    const reader = await browser.newContext();
    const page = await reader.newPage();
    await page.goto(other.link);
    const asking = page
      .goto(
        `${other.origin}/sql?sql=${encodeURIComponent('select count(*) from range(100000000000) a, range(1000) b')}&run=1`,
      )
      .catch(() => 'broken off');
    await page.waitForTimeout(500);
    const { code, stderr } = await other.stop();
    expect([code, stderr]).toEqual([0, expect.stringMatching(/stopping in good order/)]);
    expect(await asking).toBe('broken off');
    await reader.close();
  });
});
