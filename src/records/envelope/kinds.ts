/**
 * What is known of the envelopes that log shippers put around records: declared here, and nowhere else. A shipper that
 * is not in here is read as well, since a member of any name that holds a record is found; what the table adds is where to
 * look first, which texts are lines of other programs, and what says that a text is a piece of a record.
 */

/**
 * Members that hold a line of a log, with who writes them: as text, as an object, or as an envelope of its own. The first
 * one that holds a record counts, texts before objects, since a text is what was logged and an object is what a shipper
 * made of it.
 */
export const writersOf: Readonly<Record<string, string>> = {
  log: 'Docker, Fluent Bit or FireLens',
  message: 'Vector, Filebeat, Fluentd or CloudWatch Logs',
  MESSAGE: 'journald',
  line: "Docker's splunk driver or Promtail",
  body: 'OpenTelemetry',
  event: 'Splunk',
  payload: 'Kafka Connect with schemas',
  value: 'a Kafka connector or Telegraf',
  fields: 'Telegraf',
  textPayload: 'Google Cloud Logging',
  jsonPayload: 'Google Cloud Logging',
  log_processed: "Fluent Bit's Kubernetes filter",
  _source: 'Elasticsearch or OpenSearch',
  data: 'Kinesis or Firehose',
  kinesis: 'Kinesis',
  record: 'a Kinesis or Kafka consumer',
  _raw: 'Splunk',
  raw: 'a collector of raw lines',
  original: 'the Elastic Common Schema',
  '@message': 'CloudWatch Logs Insights',
  attributes: 'Datadog',
  text: 'a collector of lines',
};

export const lineMembers: readonly string[] = Object.keys(writersOf);

/** Members that hold a list of lines, each element an envelope of its own. */
export const listMembers: readonly string[] = [
  'logEvents', // CloudWatch Logs subscriptions
  'events', // GetLogEvents, FilterLogEvents
  'resourceLogs', // OpenTelemetry
  'scopeLogs',
  'instrumentationLibraryLogs',
  'logRecords',
  'metrics', // Telegraf
  'Records', // Kinesis, Lambda
  'records', // Firehose, Azure Monitor
  'entries', // Google Cloud Logging
  'hits', // Elasticsearch and OpenSearch
];

/** The one member of a line that says what is to be done with the next one, in bulk bodies of Elasticsearch. */
const bulkActions: ReadonlySet<string> = new Set(['create', 'index', 'update', 'delete']);

/** Members whose null says that the shipper left the line out, and what to do about it. */
export const omittedMembers: Readonly<Record<string, string>> = {
  MESSAGE: 'journalctl leaves messages over 4 KiB out of its JSON: export with journalctl -a (--all)',
};

/** Names of members that tell one container, file or process from another; pieces of a record agree in all of them. */
export const streamMember =
  /pod|container|stream|file|path|host|node|docker|namespace|source|tag$|unit|pid$|task|instance|group|service|partial_?id$/i;

/** A member, `_` in front and in any case, that says of a text whether it goes on in the next one. */
export interface PartialMark {
  readonly name: RegExp;
  /** Values that say: more follows. */
  readonly more?: RegExp;
  /** Values that say: this is the last piece, or there is only one. */
  readonly last?: RegExp;
  /** Values that say: another piece stands before. */
  readonly continues?: RegExp;
  /** Values are numbers of the pieces of a record, one after the other. */
  readonly counts?: true;
}

export const partialMarks: readonly PartialMark[] = [
  { name: /^_*(container_)?partial(_message)?$/i, more: /^(true|1)$/i },
  { name: /^_*(container_)?partial_last$/i, more: /^(false|0)$/i, last: /^(true|1)$/i },
  { name: /^_*(container_)?partial_ordinal$/i, continues: /^([2-9]|\d{2,})$/, counts: true },
  { name: /^(logtag|_p)$/i, more: /^P/, last: /^F/ },
  { name: /^_LINE_BREAK$/, more: /^line-max$/ },
];

/** A line as containerd and CRI-O write it to a file: time, stream, tag (`P` is a piece, `F` the end of a line), text. */
export const criLine = /^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2}) (stdout|stderr) ([FP])(?::\S*)?(?: |$)/;

/** A word in front of a line that is a time, a priority or a count: it differs from line to line. */
export const varyingWord = /^[[(<@]?\d[\da-f]*([-/:.,T+Zz)\]>]|\d)*(ms|µs|ns|s)?[\])>]?:?$|^@[0-9a-f]{24}$/;

/** Heads of lines that programs write into logs. A line that has one and no mark of a record is another program's. */
export const logLineHeads: readonly RegExp[] = [
  /^\s*(?:(?:proc )?std(?:err|out): )?[IWEF]\d{4} \d{2}:\d{2}:\d{2}/, // Google's logging library
  /^\[?\d{4}[-/]\d{2}[-/]\d{2}[T _]\d{2}:\d{2}/, // ISO 8601, with or without brackets
  /^<\d{1,3}>/, // syslog, RFC 5424 and 3164
  /^[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} /, // syslog files
  /^@[0-9a-f]{24}\s/, // TAI64N
  /^(time|ts|level|t)=\S/, // logfmt
  /^(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|PANIC)\b/,
  /^[\w.-]+ +\| /, // docker compose
];

/** The decision log of OPA in its text format, which prints Go values that no reader can take apart again. */
export const opaTextDecision = /(?:^|\s)msg="?Decision Log"?(?:\s|$)|^\w+\[\d+\]\s+Decision Log\s/;

/** Only the action of an Elasticsearch bulk request, whose document is the next line. */
export function isBulkAction(value: Readonly<Record<string, unknown>>): boolean {
  const [name, ...others] = Object.keys(value);
  if (name === undefined || others.length > 0 || !bulkActions.has(name)) return false;
  const action = value[name];
  return typeof action === 'object' && action !== null && !Array.isArray(action);
}
