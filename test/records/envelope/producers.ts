/**
 * What writes logs of OPA into buckets, and how: the table of docs/inputs.md, with an object as each producer writes it.
 * Values are made up; the forms are those of the producers' own code and documentation.
 */
import { gzipSync } from 'node:zlib';

export interface Producer {
  readonly name: string;
  /** What it has to be told, or what is special about it. */
  readonly settings: string;
  /** Where the decision is. */
  readonly form: string;
  /** An object with these records, in this order. */
  write(records: readonly object[]): string | Buffer;
}

const json = JSON.stringify;
const base64 = (content: string | Buffer): string => Buffer.from(content).toString('base64');
const lines = (values: readonly unknown[]): string => values.map((value) => `${json(value)}\n`).join('');
const textLines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');
/** An envelope for each record. */
const each =
  (envelope: (text: string, record: object) => unknown) =>
  (records: readonly object[]): string =>
    lines(records.map((record) => envelope(json(record), record)));
/** A prefix before each record. */
const behind =
  (prefix: string) =>
  (records: readonly object[]): string =>
    textLines(records.map((record) => prefix + json(record)));

/** OpenTelemetry's typed values (AnyValue). */
export function typed(value: unknown): object {
  if (value === null) return {};
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(typed) } };
  const members = Object.entries(value as object).map(([key, member]) => ({ key, value: typed(member) }));
  return { kvlistValue: { values: members } };
}
const otlp = (logRecords: readonly object[]): string =>
  lines([{ resourceLogs: [{ scopeLogs: [{ scope: {}, logRecords }] }] }]);

const subscription = (records: readonly object[]): string =>
  json({
    ...{ messageType: 'DATA_MESSAGE', owner: '1', logGroup: 'g', logStream: 's' },
    logEvents: records.map((record, i) => ({ id: String(i), timestamp: 1, message: json(record) })),
  });

export const producers: readonly Producer[] = [
  {
    name: 'Enterprise OPA, S3 sink',
    settings: 'as it is',
    form: 'bare, JSON lines or array, gzip or not',
    write: each((_, record) => record),
  },
  {
    name: 'OPA, HTTP upload',
    settings: '`decision_logs.service`; the receiver stores bodies as they come',
    form: 'array',
    write: (records) => gzipSync(json(records)),
  },
  {
    name: 'OPA, console',
    settings: '`decision_logs.console: true`, `--log-format=json` (not `text`)',
    form: 'bare, between other lines',
    write: each((_, record) => record),
  },
  {
    name: 'OPA, console, `json-pretty`',
    settings: 'costs a record where a line is lost: prefer `json`',
    form: 'over many lines',
    write: (records) => textLines(records.map((record) => JSON.stringify(record, null, 2))),
  },
  {
    name: 'Docker, json-file',
    settings: 'lines over 16 KiB come in pieces, which are joined',
    form: '`log`',
    write: each((text) => ({ log: `${text}\n`, stream: 'stderr', time: 't' })),
  },
  {
    name: 'Docker, splunk driver',
    settings: '`splunk-format: json` or `raw`',
    form: '`event.line`, text or object',
    write: (records) =>
      records.map((line) => json({ time: '1', host: 'h', event: { line, source: 'stderr' } })).join(''),
  },
  { name: 'docker compose logs', settings: '`--no-color` or not', form: 'behind a prefix', write: behind('opa-1  | ') },
  {
    name: 'containerd, CRI-O',
    settings: 'files of /var/log/pods',
    form: 'behind time, stream and tag',
    write: behind('2026-11-28T10:00:00.1Z stderr F '),
  },
  {
    name: 'kubectl logs',
    settings: '`--prefix`, `--timestamps`',
    form: 'behind a prefix',
    write: behind('[pod/opa-1/opa] 2026-11-28T10:00:00.1Z '),
  },
  {
    name: 'stern',
    settings: '`--output json` or default',
    form: '`message`, or behind a prefix',
    write: each((message) => ({ message, podName: 'p', containerName: 'o' })),
  },
  {
    name: 'Fluent Bit, s3',
    settings: '`log_key` or not; `json_date_key` as you like',
    form: '`log`, text or object',
    write: each((log) => ({ date: 1.5, stream: 'stderr', log, kubernetes: { pod_name: 'p' } })),
  },
  {
    name: 'Fluent Bit, http',
    settings: '`format json`',
    form: 'array of envelopes',
    write: (records) => json(records.map((record) => ({ date: 1.5, log: json(record) }))),
  },
  {
    name: 'Fluent Bit, es',
    settings: 'bulk bodies',
    form: 'envelopes between action lines',
    write: (records) => lines(records.flatMap((record) => [{ create: {} }, { '@timestamp': 't', log: json(record) }])),
  },
  {
    name: 'Fluent Bit, `Merge_Log On`',
    settings: '`Merge_Log_Key log_processed`, `Keep_Log On` or `Off`',
    form: '`log_processed`',
    write: each((log, record) => ({ log, log_processed: record })),
  },
  {
    name: 'AWS FireLens',
    settings: '`partial_*` members join lines over 16 KiB',
    form: '`log`',
    write: each((log) => ({ log, source: 'stderr', container_name: 'opa', ecs_task_arn: 'a' })),
  },
  {
    name: 'Fluentd, out_file and out_s3',
    settings: '`<format> @type json`, or `out_file` with time and tag',
    form: '`log` or `message`, or behind a prefix',
    write: behind('2026-11-28T10:00:00+00:00\topa\t'),
  },
  {
    name: 'Vector',
    settings: '`encoding.codec`: `json`, `native_json` or `text`',
    form: '`message`, or bare',
    write: each((message) => ({ message, host: 'h', source_type: 'docker_logs' })),
  },
  {
    name: 'Vector, `native_json`',
    settings: 'as it is',
    form: '`log.message`',
    write: each((message) => ({ log: { message, host: 'h' } })),
  },
  {
    name: 'Filebeat',
    settings: 'no `ndjson` parser at the root: it merges its own `input.type` into `input`',
    form: '`message`, or a member named by `target`',
    write: each((message) => ({ '@timestamp': 't', message, log: { offset: 0 }, input: { type: 'container' } })),
  },
  {
    name: 'Logstash',
    settings: '`codec => json_lines`',
    form: '`message`, `event.original`',
    write: each((message) => ({ '@version': '1', message, event: { original: message } })),
  },
  {
    name: 'Promtail, Loki',
    settings: 'push bodies or query results',
    form: 'second element of `values`',
    write: (records) =>
      json({ streams: [{ stream: { app: 'opa' }, values: records.map((record, i) => [String(i), json(record)]) }] }),
  },
  {
    name: 'logcli',
    settings: '`--output=jsonl` or default',
    form: '`line`, or behind a prefix',
    write: each((line) => ({ labels: { app: 'opa' }, line, timestamp: 't' })),
  },
  {
    name: 'Grafana Alloy',
    settings: '`loki.echo`',
    form: '`entry="…"` of logfmt',
    write: (records) =>
      textLines(records.map((record) => `level=info receiver=x entry=${json(json(record))} labels="{app=\\"opa\\"}"`)),
  },
  {
    name: 'OpenTelemetry Collector',
    settings: '`otlp_json`; a `json_parser` rounds integers over 2^53',
    form: '`body`, text',
    write: (records) => otlp(records.map((record) => ({ body: typed(json(record)) }))),
  },
  {
    name: 'OpenTelemetry Collector, parsed',
    settings: '`parse_to: body` or `attributes`',
    form: '`kvlistValue`, attributes',
    write: (records) => otlp(records.map((record) => ({ body: typed(record) }))),
  },
  {
    name: 'Telegraf',
    settings: '`data_format = "json"`, with `json_batch` or not',
    form: '`fields.value`',
    write: (records) =>
      lines([{ metrics: records.map((record) => ({ fields: { value: json(record) }, name: 'tail' })) }]),
  },
  {
    name: 'CloudWatch Logs subscription',
    settings: 'through Firehose; gzip inside gzip',
    form: '`logEvents[].message`',
    write: (records) => gzipSync(gzipSync(subscription(records))),
  },
  {
    name: 'CloudWatch Logs export task',
    settings: 'as it is',
    form: 'behind the time',
    write: behind('2026-11-28T10:00:00.000Z '),
  },
  {
    name: 'CloudWatch Logs, GetLogEvents',
    settings: 'answers of the API or of `aws logs`',
    form: '`events[].message`',
    write: (records) =>
      JSON.stringify({ events: records.map((record) => ({ timestamp: 1, message: json(record) })) }, null, 2),
  },
  {
    name: 'Firehose',
    settings: 'no delimiter needed',
    form: 'objects one behind the other',
    write: (records) => records.map((record) => json(record)).join(''),
  },
  {
    name: 'Kinesis, Lambda events',
    settings: 'as they are',
    form: '`Records[].kinesis.data`, base64',
    write: (records) => json({ Records: records.map((record) => ({ kinesis: { data: base64(json(record)) } })) }),
  },
  {
    name: 'SQS, SNS, EventBridge',
    settings: 'as they are',
    form: '`body`, `Message`, `detail`',
    write: each((Message) => ({ body: json({ Type: 'Notification', Message }) })),
  },
  {
    name: 'Kafka Connect, JsonConverter',
    settings: '`schemas.enable` or not',
    form: '`payload`',
    write: each((payload) => ({ schema: { type: 'string' }, payload })),
  },
  {
    name: 'Kafka Connect, strings as JSON',
    settings: '`StringConverter` with the JSON format',
    form: 'JSON text in a JSON text',
    write: each((text) => text),
  },
  {
    name: 'Kafka Connect, bytes as JSON',
    settings: '`ByteArrayConverter` with the JSON format',
    form: 'base64 in a JSON text',
    write: each((text) => Buffer.from(text).toString('base64')),
  },
  {
    name: 'journald',
    settings: '`journalctl -o json -a`: without `-a` lines over 4 KiB are left out',
    form: '`MESSAGE`, text or bytes',
    write: each((text) => ({ MESSAGE: [...Buffer.from(text)], _SYSTEMD_UNIT: 'opa.service' })),
  },
  {
    name: 'journalctl',
    settings: 'any `-o` with text',
    form: 'behind a prefix',
    write: behind('Nov 28 10:00:00 host opa[123]: '),
  },
  {
    name: 'syslog, RFC 5424',
    settings: 'longest message over that of your records: what rsyslog cuts at 8 KiB is lost; octet counts or not',
    form: 'behind a prefix',
    write: behind('<134>1 2026-11-28T10:00:00.003Z host opa 123 - [meta a="b"] '),
  },
  {
    name: 'syslog, RFC 3164',
    settings: '`@cee:` or not',
    form: 'behind a prefix',
    write: behind('<134>Nov 28 10:00:00 host opa[1]: @cee:'),
  },
  {
    name: 'rsyslog, JSON',
    settings: 'any template with `msg`',
    form: '`msg` or `message`',
    write: each((text) => ({ msg: ` ${text}`, programname: 'opa' })),
  },
  {
    name: 'syslog-ng',
    settings: '`$(format-json)`',
    form: '`MESSAGE`',
    write: each((MESSAGE) => ({ MESSAGE, PROGRAM: 'opa' })),
  },
  {
    name: 'multilog, svlogd, s6-log',
    settings: 'as they are',
    form: 'behind the time',
    write: behind('@400000006567f1c02bcd1234 '),
  },
  {
    name: 'Datadog archives',
    settings: 'as they are',
    form: '`attributes` or `message`',
    write: each((_, attributes) => ({ _id: 'x', service: 'opa', attributes, message: 'Decision Log' })),
  },
  {
    name: 'Splunk HEC',
    settings: 'events one behind the other',
    form: '`event`',
    write: (records) => records.map((event) => json({ time: 1, event })).join(''),
  },
  {
    name: 'Splunk export',
    settings: '`output_mode=json`',
    form: '`result._raw`',
    write: each((_raw) => ({ preview: false, result: { _raw } })),
  },
  {
    name: 'Google Cloud Logging',
    settings: 'sinks',
    form: '`jsonPayload` or `textPayload`',
    write: each((_, jsonPayload) => ({ insertId: 'a', jsonPayload, resource: { labels: { pod_name: 'p' } } })),
  },
  {
    name: 'Azure Monitor',
    settings: 'diagnostic settings',
    form: '`records[].properties.log`, `LogMessage`',
    write: (records) =>
      json({ records: records.map((record) => ({ category: 'c', properties: { log: json(record) } })) }),
  },
  {
    name: 'Elasticsearch, OpenSearch',
    settings: 'search answers, elasticdump',
    form: '`_source`',
    write: (records) => json({ hits: { hits: records.map((_source) => ({ _index: 'x', _source })) } }),
  },
  {
    name: 'GELF',
    settings: 'as it is',
    form: '`short_message`, `full_message`',
    write: each((text) => ({ version: '1.1', host: 'h', short_message: text })),
  },
  {
    name: 'New Relic, Humio, Cribl, Sumo Logic',
    settings: 'exports and forwarded bodies',
    form: '`logs[].message`, `events[].rawstring`, `_raw`',
    write: (records) => json([{ common: {}, logs: records.map((record) => ({ message: json(record) })) }]),
  },
  {
    name: 'CSV with a column of JSON',
    settings: 'quotes doubled',
    form: 'a field',
    write: (records) => textLines(records.map((record) => `2026-11-28,"${json(record).replaceAll('"', '""')}"`)),
  },
];
