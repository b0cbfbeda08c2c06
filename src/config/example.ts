/** The commented configuration that `init` writes. Optional keys, defaults and comments come from the schema. */
import { defaultShape, shapeNames } from '../sources/opa/shapes.ts';
import type { ConfigSchema } from './keys.ts';
import { configSchema } from './schema.ts';

/** A source that has been looked at, as the configuration writes it. */
export interface ProposedSource {
  readonly name: string;
  readonly type: string;
  readonly location: string;
  readonly shape?: string | readonly string[];
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly columns?: Readonly<Record<string, { readonly path: string; readonly type: string }>>;
}

export interface Proposal {
  readonly source: ProposedSource;
  /** Where the store is, if not at AWS's own place. */
  readonly s3?: Readonly<Record<string, unknown>>;
}

/** With a proposal it runs as it stands. */
export function exampleConfig(proposal?: Proposal): string {
  const optional = (['s3', 'limits', 'batch', 'output', 'compact', 'worker', 'expire'] as const)
    .map((name) => section(name))
    .join('\n');
  return `# Configuration of audit-warehouse. Check it with: audit-warehouse validate
# Every key with one value can also come from the environment (AUDIT_WAREHOUSE_BATCH_BYTES=64MiB) or from a flag
# (--set batch.bytes=64MiB); flags win over the environment, the environment over this file.
# \${NAME} and \${NAME:-default} in a value stand for an environment variable.

# Root of the tables: s3://bucket/prefix, or a folder (relative to this file).
warehouse: ./warehouse

# Where the tables are registered: file (beside the data), AWS Glue, or an Iceberg REST catalog.
catalog:
  type: file
  # type: glue
  # database: audit
  # region: eu-west-1
  # type: rest
  # uri: https://catalog.example.com
  # namespace: audit
  # auth: { type: token, token: "\${CATALOG_TOKEN}" }

# What to read. Types: opa (OPA and Enterprise OPA decision logs), okera-audit (Okera ODAS audit logs), and side tables
# that are replaced as a whole when they change: okera-identities (Okera's users, groups and roles), reference (your own).
# A location is a prefix: s3://bucket/prefix/, or a folder.
sources:
${sourceLines(proposal?.source ?? { name: 'decisions', type: 'opa', location: './logs/opa' })}
    # Which keys below the location count; files that other tools leave beside logs never do.
    # include: ['**/*.jsonl.gz']
    # exclude: ['test/**']
    # Where the records have subject, action, resource, allowed and so on (docs/shapes.md): ${shapeNames.join(', ')}.
    # shape: ${defaultShape}
    # fields:
    #   subject: [input.user.id, input.user]
    #   allowed: [result.allow, { path: result.deny, is: empty }]
    # Columns of your own, from any path of the record. Types: boolean, int, long, double, string, timestamp.
    # A value of another type gives null, or with strict: true quarantines the record.
    # columns:
    #   tenant: { path: input.tenant.id, type: string }
  # - name: okera
  #   type: okera-audit
  #   location: s3://acme-ops/prod-7/audit/
  # - name: countries
  #   type: reference
  #   location: s3://acme-ref/user_countries.csv
  #   table: user_countries
  #   columns:
  #     subject: { type: string, required: true }
  #     country: { type: string }

# Where queries can run besides here: query --engine trino, or athena. Secrets come from the environment.
# engines:
#   trino: { url: https://trino.example.com, catalog: awsdatacatalog }
#   athena: { workgroup: audit }

${proposal?.s3 === undefined ? '' : `s3: ${flow(proposal.s3)}\n\n`}${optional}`;
}

/** JSON is YAML, whatever the values hold. */
const flow = (value: unknown): string => JSON.stringify(value);

function sourceLines({ name, type, location, ...rest }: ProposedSource): string {
  const lines = [`  - name: ${name}`, `    type: ${type}`, `    location: ${plain(location)}`];
  for (const [key, value] of Object.entries(rest)) {
    if (typeof value === 'string') lines.push(`    ${key}: ${value}`);
    else if (Array.isArray(value)) lines.push(`    ${key}: [${value.join(', ')}]`);
    else if (value !== undefined && Object.keys(value).length > 0) {
      lines.push(`    ${key}:`, ...Object.entries(value).map(([name, entry]) => `      ${name}: ${flow(entry)}`));
    }
  }
  return lines.join('\n');
}

const plain = (text: string): string => (/^[\w./:-]+$/.test(text) ? text : flow(text));

/** A group, all commented out, with its defaults. */
function section(name: string): string {
  const schema = configSchema.properties![name]!;
  const entries = Object.entries(schema.properties ?? {});
  const lines = entries.map(([key, property]) => {
    const entry = `#   ${key}: ${example(key, property)}`;
    return `${entry.padEnd(32)} # ${property.description}\n`;
  });
  return `# ${capital(schema.description ?? '')}.\n# ${name}:\n${lines.join('')}`;
}

function example(key: string, { default: fallback, examples }: ConfigSchema): string {
  if (fallback !== undefined) return typeof fallback === 'object' ? JSON.stringify(fallback) : String(fallback);
  if (Array.isArray(examples)) return String(examples[0]);
  return key === 'region' ? 'eu-west-1' : 'http://localhost:9000';
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
