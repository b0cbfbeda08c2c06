/** How other tools reach the tables on an engine: connection strings, without any secret. */
import type { Config } from '../config/config.ts';
import { UsageError } from '../config/errors.ts';

/** By what reads it, such as `JDBC`. */
export type Addresses = Readonly<Record<string, string>>;

/** Of Trino. Throws UsageError where the configuration does not say where it is. */
export function trinoAddresses({ engines: { trino } }: Config): Addresses {
  if (trino === undefined) throw new UsageError('engines.trino.url is missing in the configuration: where is Trino?');
  const { protocol, hostname, port } = new URL(trino.url);
  const isSecure = protocol === 'https:';
  const host = `${hostname}:${port || (isSecure ? 443 : 80)}`;
  const place = `${encodeURIComponent(trino.catalog)}/${encodeURIComponent(trino.schema)}`;
  const user = trino.user === undefined ? '' : `${encodeURIComponent(trino.user)}@`;
  return {
    JDBC: `jdbc:trino://${host}/${place}${isSecure ? '?SSL=true' : ''}`,
    SQLAlchemy: `trino://${user}${host}/${place}`,
    'command line': `trino --server ${trino.url} --catalog ${trino.catalog} --schema ${trino.schema}`,
  };
}

export interface AthenaPlace {
  readonly region: string;
  readonly catalog: string;
  readonly database: string;
  readonly workgroup: string;
  /** Absent where the work group says where results go. */
  readonly output?: string;
}

/** Throws UsageError where the configuration says too little. */
export function athenaPlace({ catalog, s3, engines: { athena } }: Config): AthenaPlace {
  const glue = catalog.type === 'glue' ? catalog : undefined;
  const database = athena?.database ?? glue?.database;
  if (database === undefined) throw new UsageError('Athena needs tables in AWS Glue: catalog.type is not glue');
  const region = athena?.region ?? glue?.region ?? s3.region;
  if (region === undefined) throw new UsageError('engines.athena.region is missing in the configuration');
  const { output } = athena ?? {};
  return {
    region,
    catalog: athena?.catalog ?? 'AwsDataCatalog',
    database,
    workgroup: athena?.workgroup ?? 'primary',
    ...(output !== undefined && { output }),
  };
}

export function athenaAddresses(config: Config): Addresses {
  const { region, catalog, database, workgroup, output } = athenaPlace(config);
  const jdbc = { Region: region, Catalog: catalog, Database: database, WorkGroup: workgroup, OutputLocation: output };
  const odbc = {
    Driver: 'Amazon Athena ODBC (x64)',
    AwsRegion: region,
    Catalog: catalog,
    Schema: database,
    Workgroup: workgroup,
    S3OutputLocation: output,
    AuthenticationType: 'Default Credentials',
  };
  const pairs = (values: Readonly<Record<string, string | undefined>>): string =>
    Object.entries(values)
      .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value};`]))
      .join('');
  const query = new URLSearchParams({ work_group: workgroup, ...(output !== undefined && { s3_staging_dir: output }) });
  return {
    JDBC: `jdbc:athena://${pairs({ ...jdbc, CredentialsProvider: 'DefaultChain' })}`,
    ODBC: pairs(odbc),
    SQLAlchemy: `awsathena+rest://@athena.${region}.amazonaws.com:443/${encodeURIComponent(database)}?${query}`,
  };
}
