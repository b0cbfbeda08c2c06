/** Files that tools import: a data source of Grafana, a database of Metabase or Superset, a notebook. */
import { stringify } from 'yaml';
import type { Config } from '../config/config.ts';
import { athenaAddresses, athenaPlace, trinoAddresses } from './address.ts';

const name = 'audit-warehouse';

/** Whether the configuration has Trino; otherwise Athena is meant. */
const onTrino = ({ engines }: Config): boolean => engines.trino !== undefined;

/** A provisioning file: /etc/grafana/provisioning/datasources. Grafana's own data source is for Athena; Trino has one in its catalog of plugins. */
export function grafana(config: Config): string {
  const { trino } = config.engines;
  const source =
    trino !== undefined
      ? {
          type: 'trino-datasource',
          url: trino.url,
          jsonData: {
            catalog: trino.catalog,
            schema: trino.schema,
            ...(trino.user !== undefined && { trinoUser: trino.user }),
          },
        }
      : { type: 'grafana-athena-datasource', jsonData: grafanaAthena(config) };
  return stringify({ apiVersion: 1, datasources: [{ name, uid: name, access: 'proxy', ...source }] });
}

function grafanaAthena(config: Config): object {
  const { region, catalog, database, workgroup, output } = athenaPlace(config);
  return {
    authType: 'default',
    defaultRegion: region,
    catalog,
    database,
    workgroup,
    ...(output !== undefined && { outputLocation: output }),
  };
}

/** The body of POST /api/database. Passwords and keys are entered in Metabase. */
export function metabase(config: Config): string {
  const { trino } = config.engines;
  const body =
    trino !== undefined
      ? { engine: 'starburst', name, details: metabaseTrino(trino) }
      : { engine: 'athena', name, details: metabaseAthena(config) };
  return `${JSON.stringify(body, null, 2)}\n`;
}

function metabaseTrino({ url, catalog, schema, user }: NonNullable<Config['engines']['trino']>): object {
  const { protocol, hostname, port } = new URL(url);
  const ssl = protocol === 'https:';
  return {
    host: hostname,
    port: Number(port || (ssl ? 443 : 80)),
    catalog,
    schema,
    ssl,
    ...(user !== undefined && { user }),
  };
}

function metabaseAthena(config: Config): object {
  const { region, catalog, database, workgroup, output } = athenaPlace(config);
  return { region, workgroup, catalog, dbname: database, ...(output !== undefined && { s3_staging_dir: output }) };
}

/** Superset imports it as databases/audit_warehouse.yaml of a zip (docs/bi.md); the driver is trino or PyAthena. */
export const superset = (config: Config): string =>
  stringify({
    database_name: name,
    sqlalchemy_uri: (onTrino(config) ? trinoAddresses(config) : athenaAddresses(config)).SQLAlchemy,
    expose_in_sqllab: true,
    allow_ctas: false,
    allow_cvas: false,
    allow_dml: false,
    // Superset fails without these two.
    allow_csv_upload: false,
    extra: {},
    uuid: 'b4c0f3a2-6f0e-4c55-9b1e-0d6a7c0e3a11',
    version: '1.0.0',
  });

/** For Jupyter, with DuckDB's Python package: asks this command for the files of the current snapshots whenever it is run. */
export function notebook(): string {
  const code = (...lines: string[]) => ({
    cell_type: 'code',
    execution_count: null,
    metadata: {},
    outputs: [],
    source: lines.map((line, i) => (i < lines.length - 1 ? `${line}\n` : line)),
  });
  const text = (...lines: string[]) => ({
    cell_type: 'markdown',
    metadata: {},
    source: lines.map((line, i) => (i < lines.length - 1 ? `${line}\n` : line)),
  });
  const cells = [
    text(
      '# Audit warehouse',
      '',
      'Needs `pip install duckdb` and the command `audit-warehouse` on the path. Run it in the folder of `audit-warehouse.yaml`.',
    ),
    code(
      'import subprocess, duckdb',
      '',
      'script = subprocess.run(["audit-warehouse", "connect", "duckdb"], check=True, capture_output=True, text=True).stdout',
      'con = duckdb.connect()',
      'con.execute(script)',
      'con.sql("SHOW TABLES").fetchall()',
    ),
    text('Run the cell above again to see what has been committed since.'),
    code(
      'con.sql("""',
      'SELECT ymd, count(*) AS events, count(*) FILTER (allowed = false) AS denied',
      'FROM audit_events',
      'GROUP BY ymd ORDER BY ymd DESC LIMIT 14',
      '""").fetchall()',
    ),
  ];
  const document = {
    cells,
    metadata: {
      kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' },
      language_info: { name: 'python' },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}
