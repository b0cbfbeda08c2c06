/** The text of docs/shapes.md: what each shape maps, from its declaration, and the rules that hold for all. */

import { type FieldPaths, parseField } from '../src/sources/opa/fields.ts';
import { defaultShape, mappedTypes, type Shape, shapes } from '../src/sources/opa/shapes.ts';
import { pathText } from '../src/tables/path.ts';

export function shapesPage(): string {
  const columns = Object.entries(mappedTypes).map(([column, type]) => `\`${column}\` (${type})`);
  return `# Shapes of decisions

Written by \`scripts/docs\` from \`src/sources/opa/shapes.ts\`; the rules stand in \`scripts/shapes-page.ts\`. Do not edit.

\`input\` and \`result\` of a decision belong to your policy and may be any JSON. Nine standard columns of \`opa_decisions\` are
filled from them: ${columns.join(', ')}. The named questions, the views, the report, clustering, bloom filters and \`erase\` read
these columns, so all of them work for your decisions as soon as the columns are filled. The exact text of \`input\` and
\`result\` is kept whatever the shape.

\`\`\`yaml
sources:
  - name: mesh
    type: opa
    location: s3://acme-logs/opa/
    shape: envoy                          # or a list: [envoy, article]
    fields:                               # single columns, instead of what the shape says
      subject: ['input.attributes.request.http.headers."x-user-id"', input.user]
      allowed: [result.allow, { path: result.deny, is: empty }]
      resource: { path: input.segments, join: /, lead: / }
\`\`\`

\`shape\` names a preset below, \`${defaultShape}\` where it is left out. A list of shapes puts their paths one behind the other, column
by column. A column under \`fields\` has the paths given there and no others. Rows that are in the warehouse already keep the
values that they were written with; \`backfill --again\` reads their objects again.

## Rules

**The first path that exists wins.** A member that is missing or null does not exist. A value of a type that the column cannot
take is passed over.

**Paths** go from the root of the record, with dots: \`input.user.id\`. A name with a dot or a quote in it is written as a JSON string:
\`input.headers."x.user"\`. Below a list a number counts elements from 0: \`input.groups.0\`; records with a list there are read
more slowly. Any member of the record can be named: \`result\`, \`mapped_result\`, \`labels.team\`, \`custom.tenant\`.

**Types.** What becomes of a value that a path leads to:

| the column is | text | number, boolean | list of texts | other lists, objects |
| --- | --- | --- | --- | --- |
| text | the text | its JSON text (\`1001\`, \`true\`); in the shape \`article\` none | with \`join\` one text, otherwise none | none |
| boolean | none | a boolean as it is | none | none |
| list of texts | none | none | the list | none |

None means that the next path is tried. Where no path gives a value, the column is null, and where one of them led to a value
that could not be taken, the record is counted under that column in the report's \`typeMismatches\`. A path that other paths of
the column go through, such as \`result\` beside \`result.allowed\`, is not counted, and passes over objects. An object is never
taken apart by itself: name the member, as \`input.user.id\` does. An empty text is a text.

**Conditions**, for \`allowed\`: \`{ path: …, is: … }\`

| \`is\` | true | false | none, so that the next path is tried |
| --- | --- | --- | --- |
| \`empty\` | a list, object or text with nothing in it | a list, object or text with something in it | a number or boolean; nothing there |
| \`present\` | any value | nothing there, once no path of the column has a value, and the document (\`result\`) is there | nothing there |
| \`true\` | \`true\` | \`false\` | anything else |
| \`false\` | \`false\` | \`true\` | anything else |

So \`{ path: result.deny, is: empty }\` reads deny sets: \`[]\` is allowed, \`["no owner"]\` is not. A decision without a result is
neither: \`allowed\` is null.

**Lists as text**: \`{ path: …, join: '; ' }\` puts the elements of a list of texts together with the given text between them;
\`lead\` stands in front, even where the list is empty. An empty list without \`lead\` gives nothing.

**Decision mappings of Styra DAS** translate path by path: "path to decision" \`result.allow\` is \`allowed: result.allow\`, a mapping
that expects false is \`{ path: …, is: false }\`, "path to message" \`result.errors\` is \`message: [{ path: result.errors, join: '; ' }]\`.

## Presets
${Object.entries(shapes)
  .map(([name, shape]) => preset(name, shape))
  .join('\n')}

## What a preset does not tell

- \`envoy\`: the subject is the \`sub\` of a token that Envoy's JWT filter has verified, otherwise the peer's certificate, otherwise what
  the client claims in \`x-user-id\`. \`client_ip\` is the peer; behind a proxy, name the header with \`fields\`. The plugin denies a request
  whose result has no \`allowed\`, or whose body does not parse: such a record has \`error\` and no result, and \`allowed\` is null.
  A plugin with \`dry-run: true\` lets everything pass, whatever the record says.
- \`kubernetes-admission\`: \`resource\` is the kind of object (\`pods\`). Promote name and namespace as columns of their own:
  \`columns: { namespace: { path: input.request.namespace, type: string }, object: { path: input.request.name, type: string } }\`.
- \`authzen\`: one row per record, so a request for several evaluations at once (\`evaluations\`) has no subject of its own.
`;
}

function preset(name: string, { about, fields, isExact }: Shape): string {
  const rows = Object.entries(fields).map(([column, paths]) => `| \`${column}\` | ${paths.map(entry).join(', ')} |`);
  return `
### ${name}

${about.charAt(0).toUpperCase()}${about.slice(1)}.${isExact === true ? ' Text columns take texts only.' : ''}

| column | from |
| --- | --- |
${rows.join('\n')}`;
}

function entry(field: FieldPaths): string {
  const { path, is, join, lead } = parseField(field);
  const what = [
    ...(is === undefined ? [] : [` is ${is}`]),
    ...(join === undefined ? [] : [` joined by \`${join}\``]),
    ...(lead === undefined ? [] : [` after \`${lead}\``]),
  ];
  return `\`${pathText(path)}\`${what.join('')}`;
}
