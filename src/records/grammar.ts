/**
 * JSON grammar over a stream of bytes, decided by stream-json's verifier, with exact byte offsets: it is fed latin1,
 * so that a character is a byte. The verifier is not made for hostile input: whoever feeds it caps the nesting first
 * (its memory is the depth), and gives long texts in blocks.
 */
import { jsonVerifier } from 'stream-json/core/utils/verifier.js';

export interface GrammarError {
  /** Offset of the byte that cannot stand where it stands. */
  readonly offset: number;
  readonly message: string;
}

/**
 * Bytes that the verifier may want to see behind an error before it reports it (it waits for the end of a literal or
 * an escape): what lies further back than this is decided.
 */
export const GRAMMAR_LAG = 32;

export class Grammar {
  readonly #verify: (text: string) => unknown;
  /** Offset of the verifier's first byte. */
  readonly #base: number;

  /**
   * Checks one JSON value, or a sequence of them, from `base` on. `prime` is text that is taken as read before it, so
   * that the check can begin in the middle: '[null' stands behind an element of an array.
   */
  constructor(base: number, prime = '', values: 'one' | 'many' = 'many') {
    this.#verify = jsonVerifier({ jsonStreaming: values === 'many' }) as (text: string) => unknown;
    this.#base = base - prime.length;
    if (prime) this.#verify(prime);
  }

  /** Takes the next bytes. After an error the instance is of no more use. */
  feed(bytes: Buffer, start: number, end: number): GrammarError | null {
    return this.#check(bytes.toString('latin1', start, end));
  }

  /** Whatever is left undecided at the end of the input. An unfinished value is an error at its end. */
  finish(): GrammarError | null {
    // White space decides a pending literal or number, and is an error in a string.
    return this.#check('\n'.repeat(GRAMMAR_LAG));
  }

  #check(text: string): GrammarError | null {
    try {
      this.#verify(text);
      return null;
    } catch (error) {
      const { offset, message } = error as Error & { offset?: number };
      if (offset === undefined) throw error;
      return { offset: this.#base + offset, message: plainMessage(message) };
    }
  }
}

/** Says what is wrong with a text that JSON.parse did not take, and where. */
export function grammarErrorText(bytes: Buffer): string {
  if (bytes.length === 0) return 'the text ends before a value';
  const grammar = new Grammar(0, '', 'one');
  const error = grammar.feed(bytes, 0, bytes.length) ?? grammar.finish();
  // Nothing wrong so far, and yet no JSON text: there was something to come.
  if (!error || error.offset >= bytes.length) return 'the text ends in the middle of a value';
  return `${error.message} at byte ${error.offset}`;
}

function plainMessage(message: string): string {
  const text = message.replace(/^ERROR at [^:]*: /, '').replace(/^Verifier (?:cannot parse input: |has )/, '');
  return text === 'escaped characters' ? 'no valid character or escape of a string' : text;
}
