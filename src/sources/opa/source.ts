/**
 * Decision logs of Open Policy Agent and Enterprise OPA: S3 sink, HTTP upload, console, and container logs of the latter.
 */
import opaSchema from '../../../schemas/opa.schema.json' with { type: 'json' };
import { ipKey } from '../../records/address.ts';
import type { Frame } from '../../records/frame/frame.ts';
import type { ObjectFacts } from '../../records/object-facts.ts';
import type { Outcome, Skip } from '../../records/outcome.ts';
import { isRejection, parseRecord, reject } from '../../records/parse.ts';
import { RowWriters } from '../../records/scan/row-writer.ts';
import type { Mapping } from '../../tables/mapping.ts';
import type { AnnotatedSchema } from '../../tables/schema.ts';
import {
  compileInterpreter,
  type Interpreter,
  type OpenObject,
  type PromotedColumns,
  type SourceLimits,
  tooLarge,
  writerSpec,
} from '../interpreter.ts';
import type { RecordReader, Source } from '../source.ts';
import { opaComputed } from './columns.ts';
import { describeOpaObject } from './key.ts';
import { Containers, isForeign, splunkEvent, stripPrefix } from './lines.ts';
import { defaultShape, mappingOf } from './shapes.ts';

export function opaSource(promoted: PromotedColumns, limits: SourceLimits, mapping: Mapping = articleMapping): Source {
  const spec = {
    schema: opaSchema as unknown as AnnotatedSchema,
    promoted,
    mapping,
    timeField: 'timestamp',
    zone: 'required',
    identityField: 'decision_id',
  } as const;
  const interpreter = compileInterpreter({
    ...spec,
    derive(row) {
      const clientIp = row.get('client_ip');
      if (typeof clientIp === 'string') row.set('client_ip_key', ipKey(clientIp));
    },
  });
  return {
    type: 'opa',
    table: interpreter.table,
    describeObject: describeOpaObject,
    openObject: (uri, facts) => new OpaReader(interpreter, limits, uri, facts),
    writers: new RowWriters(writerSpec({ ...spec, computed: opaComputed }, interpreter.table, limits)),
  };
}

const articleMapping = mappingOf([defaultShape]);

const foreignLine: Skip = { kind: 'skip', reason: 'foreign-line' };

class OpaReader implements RecordReader {
  readonly #interpreter: Interpreter;
  readonly #limits: SourceLimits;
  readonly #object: OpenObject;
  readonly #containers = new Containers();

  constructor(interpreter: Interpreter, limits: SourceLimits, uri: string, facts: ObjectFacts) {
    this.#interpreter = interpreter;
    this.#limits = limits;
    this.#object = { uri, facts, mismatches: new Map() };
  }

  get typeMismatches(): ReadonlyMap<string, number> {
    return this.#object.mismatches;
  }

  interpret(frame: Frame): Outcome {
    const cut = tooLarge(frame, this.#limits);
    if (cut) return cut;
    const bytes = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
    const record = parseRecord(stripPrefix(bytes), this.#limits);
    if (isRejection(record)) return record;

    const wrapped = this.#containers.unwrap(record);
    if (!wrapped) {
      const event = splunkEvent(record);
      if (!event) return isForeign(record) ? foreignLine : this.#interpreter.interpret(record, frame, this.#object);
      const inner = parseRecord(event.bytes, this.#limits);
      return isRejection(inner) ? inner : this.#interpreter.interpret(inner, frame, this.#object, event.envelope);
    }
    if (wrapped.kind === 'other-program') return foreignLine;
    if (wrapped.kind === 'continuation') {
      return reject('malformed_json', '', 'continues a record that the container runtime split');
    }
    const inner = parseRecord(wrapped.bytes, this.#limits);
    if (isRejection(inner)) {
      this.#containers.broken(wrapped);
      return inner;
    }
    if (isForeign(inner)) return foreignLine;
    return this.#interpreter.interpret(inner, frame, this.#object, wrapped.envelope);
  }
}
