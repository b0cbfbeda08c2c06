/** As much of Trino's client protocol as tests need: a statement in, all of its rows out. */
export class TrinoClient {
  readonly url: string;
  readonly #catalog: string;

  constructor(url: string, catalog: string) {
    this.url = url;
    this.#catalog = catalog;
  }

  /** Throws with Trino's error name and message. Values are as Trino's JSON has them (decimals, times: text). */
  async query(sql: string, schema?: string, session: Readonly<Record<string, string>> = {}): Promise<TrinoResult> {
    const headers = {
      'x-trino-user': 'test',
      'x-trino-catalog': this.#catalog,
      ...(schema !== undefined && { 'x-trino-schema': schema }),
      'x-trino-session': Object.entries(session)
        .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
        .join(','),
    };
    const rows: unknown[][] = [];
    let columns: TrinoColumn[] = [];
    let answer = await this.#call(`${this.url}/v1/statement`, { method: 'POST', headers, body: sql });
    for (;;) {
      if (answer.error !== undefined) {
        throw new Error(`Trino: ${answer.error.errorName}: ${answer.error.message}\n${sql}`);
      }
      columns = answer.columns ?? columns;
      rows.push(...(answer.data ?? []));
      if (answer.nextUri === undefined) return { columns, rows, stats: answer.stats };
      answer = await this.#call(answer.nextUri, { headers });
    }
  }

  async #call(url: string, init: RequestInit): Promise<TrinoAnswer> {
    const response = await fetch(url, init);
    if (!response.ok) throw new Error(`Trino answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as TrinoAnswer;
  }
}

export interface TrinoColumn {
  readonly name: string;
  readonly type: string;
}

export interface TrinoResult {
  readonly columns: readonly TrinoColumn[];
  readonly rows: readonly (readonly unknown[])[];
  /** `physicalInputBytes` is what was read of the files. */
  readonly stats: { readonly physicalInputBytes: number; readonly [name: string]: unknown };
}

interface TrinoAnswer {
  readonly columns?: TrinoColumn[];
  readonly data?: unknown[][];
  readonly nextUri?: string;
  readonly error?: { readonly errorName: string; readonly message: string };
  readonly stats: TrinoResult['stats'];
}
