/**
 * Reads the records of one object, whatever is around them: one frame in, as many outcomes as it holds records. A record
 * in pieces comes out with its last piece, and what is still open at the end of the object then.
 *
 * A record stands where the frame stands that holds it, or, where a frame holds several, where its own element stands: the
 * offset of that is its `source_offset`, and its bytes are what goes to quarantine. Inside of an encoded text (a JSON
 * string, base64) offsets are those of the text, counted from where it begins.
 */
import { isUtf8 } from 'node:buffer';
import type { Frame } from '../frame/frame.ts';
import type { Limits } from '../limits.ts';
import type { RecordOutcome, Rejection, Skip } from '../outcome.ts';
import { isRejection, type JsonRecord, parseRecord, reject } from '../parse.ts';
import type { Emit, RecordReader } from '../record-reader.ts';
import { isPieceOfUtf8 } from '../utf8.ts';
import type { Finding, FoundRecord, Place } from './findings.ts';
import { type EnvelopeForm, formOf } from './form.ts';
import type { RecordMarks } from './marks.ts';
import { Streams } from './streams.ts';
import { Unwrapper } from './unwrap.ts';
import { envelopeText, type Wrap } from './wraps.ts';

export interface ReaderSpec {
  readonly marks: RecordMarks;
  readonly limits: Pick<Limits, 'recordBytes' | 'nestingDepth'>;
  /** What becomes of a record; `envelope`: the JSON text of what is around it. */
  interpret(record: JsonRecord, frame: Frame, envelope: Buffer | null): RecordOutcome;
  readonly typeMismatches: ReadonlyMap<string, number>;
}

export class EnvelopeReader implements RecordReader {
  readonly #spec: ReaderSpec;
  readonly #unwrapper: Unwrapper;
  readonly #streams: Streams;
  #emit: Emit = () => {};
  /** The frame read last. */
  #frame: Frame | undefined;
  /** The record that was found last in an envelope, in that frame. */
  #wrapped: FoundRecord | undefined;
  /** Elements of its list that are to be left out. */
  #begun = 0;

  constructor(spec: ReaderSpec) {
    this.#spec = spec;
    this.#streams = new Streams(spec.limits.recordBytes, {
      whole: (bytes, wrap, origin) => this.#whole(bytes, wrap, origin),
      rest: (bytes, wrap, origin) => {
        const place = { wrap, at: origin.offset, origin, layers: 0 };
        for (const finding of this.#unwrapper.text(bytes, place)) this.#settle(finding);
      },
      kindOf: (bytes) => this.#kindOf(bytes),
      isHinted: (bytes) => this.#unwrapper.isHinted(bytes),
      isMeant: (bytes) => this.#unwrapper.isMeant(bytes),
      incomplete: (rejection, origin) => this.#emit(rejection, origin),
      foreign: (origin) => this.#foreignText(origin),
    });
    this.#unwrapper = new Unwrapper(spec.marks, spec.limits, {
      isExpected: (line) => this.#streams.expects(line),
      isPiece: (line) => this.#streams.isPiece(line),
      settle: (finding) => {
        if (this.#begun > 0) this.#begun--;
        else this.#settle(finding);
      },
    });
  }

  get typeMismatches(): ReadonlyMap<string, number> {
    return this.#spec.typeMismatches;
  }

  get form(): EnvelopeForm | undefined {
    if (this.#frame === undefined || this.#wrapped === undefined) return undefined;
    return formOf(this.#wrapped, this.#frame, this.#spec.marks);
  }

  read(frame: Frame, emit: Emit, begun = 0): void {
    this.#emit = emit;
    this.#frame = frame;
    this.#wrapped = undefined;
    this.#begun = begun;
    const cut = tooLarge(frame, this.#spec.limits);
    if (cut !== null) {
      this.#unreadable(cut, frame);
      return;
    }
    const bytes = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
    const place: Place = { wrap: undefined, at: frame.offset, origin: frame, layers: 0 };
    if (bytes[0] === OPEN_BRACE) this.#object(bytes, frame, place);
    else this.#line(bytes, frame, place);
  }

  end(emit: Emit): void {
    this.#emit = emit;
    this.#streams.end();
  }

  /** A frame that begins like a JSON object. */
  #object(bytes: Buffer, frame: Frame, place: Place): void {
    const record = parseRecord(bytes, this.#spec.limits);
    if (isRejection(record)) {
      const found = record.code === 'malformed_json' ? this.#unwrapper.text(bytes, place) : [];
      if (found.some(({ kind }) => kind === 'record' || kind === 'settled'))
        for (const finding of found) this.#settle(finding);
      else this.#unreadable(record, frame);
      return;
    }
    const found = this.#unwrapper.object(record, place);
    for (const finding of found) this.#settle(finding);
    if (found.length > 0) return;
    this.#emit(
      this.#spec.marks.isOtherLine(record.value) ? foreignLine : this.#spec.interpret(record, frame, null),
      frame,
    );
  }

  /** A frame that is a line of text. */
  #line(bytes: Buffer, frame: Frame, place: Place): void {
    if (bytes.length === 0 || !isPieceOfUtf8(bytes)) {
      this.#unreadable(parseRecord(bytes, this.#spec.limits) as Rejection, frame);
      return;
    }
    for (const finding of this.#unwrapper.text(bytes, place)) {
      if (finding.kind === 'text' && finding.wrap === undefined) this.#bareText(finding.origin);
      else this.#settle(finding);
    }
  }

  /** Text that nothing is around: another program's where it looks like a line of a log, else something broken. */
  #bareText(frame: Frame): void {
    const bytes = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
    if (this.#unwrapper.isLogLine(bytes) && !this.#unwrapper.isHinted(bytes)) {
      this.#foreignText(frame);
      return;
    }
    const record = parseRecord(bytes, this.#spec.limits);
    const rejection = isRejection(record) ? record : reject('malformed_json', '', 'not a record');
    this.#unreadable(rejection, frame);
  }

  /** A frame that may have been a piece of any record that is open: what stands behind it does not go on with that. */
  #unreadable(rejection: Rejection, frame: Frame): void {
    this.#streams.interrupt();
    this.#emit(rejection, frame);
  }

  #foreignText(frame: Frame): void {
    const isText = isUtf8(frame.bytes);
    this.#emit(isText ? foreignText : reject('invalid_utf8', '', 'a cut character, and no piece of a record'), frame);
  }

  #kindOf(bytes: Buffer): 'record' | 'line' | 'other' {
    const { limits, marks } = this.#spec;
    const record = parseRecord(bytes, limits);
    if (isRejection(record)) return 'other';
    if (marks.isRecord(record.value)) return 'record';
    return marks.isOtherLine(record.value) ? 'line' : 'other';
  }

  #settle(finding: Finding): void {
    switch (finding.kind) {
      case 'record':
        if (finding.wrap !== undefined) this.#wrapped = finding;
        this.#emit(this.#spec.interpret(finding.record, finding.origin, envelopeText(finding.wrap)), finding.origin);
        return;
      case 'text':
        this.#streams.take(finding);
        return;
      case 'settled':
        return;
      case 'rejection':
        this.#emit(finding.rejection, finding.origin);
        return;
      case 'foreign':
        this.#emit({ kind: 'skip', ...finding.skip }, finding.origin);
    }
  }

  /** An object that was put together. Where it is rejected, it is what stands in quarantine. */
  #whole(bytes: Buffer, wrap: Wrap | undefined, { offset }: Frame): void {
    const origin = { bytes, offset };
    const record = parseRecord(bytes, this.#spec.limits);
    if (isRejection(record)) {
      this.#emit(record, origin);
      return;
    }
    const found = this.#unwrapper.object(record, { wrap, at: offset, origin, layers: 0 });
    if (found.length === 0) this.#emit(foreignLine, origin);
    for (const finding of found) this.#settle(finding);
  }
}

const OPEN_BRACE = 0x7b;
const foreignLine: Skip = { kind: 'skip', reason: 'foreign-line' };
const foreignText: Skip = { kind: 'skip', reason: 'foreign-text' };

/** The rejection of a record that the framer cut at a cap, null where it is whole. */
export function tooLarge(frame: Frame, limits: Pick<Limits, 'recordBytes'>): Rejection | null {
  if (!frame.tooLarge) return null;
  const detail = `${frame.tooLarge.length} bytes, limits.record_bytes is ${limits.recordBytes}`;
  return reject('record_too_large', '', detail);
}
