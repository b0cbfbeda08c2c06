/**
 * The way to stdout and stderr, and the only one: text from outside is in most of what is written, and here it is made
 * harmless whatever a command has forgotten. A command makes such text one line (`printable`); this holds the rest.
 */
import { printableJson, printableLines } from '../../text/printable.ts';
import { renderStyles } from '../../text/styles.ts';
import { wrapLines } from '../../text/wrap.ts';
import type { Output } from './context.ts';

export interface TextStream {
  write(text: string, done: (error?: Error | null) => void): unknown;
  readonly isTTY?: boolean;
  /** Columns of the terminal. */
  readonly columns?: number;
}

/** `onError` is told of a write that failed; what it throws, the writer gets. */
export function createOutput(
  stream: TextStream,
  onError: (error: NodeJS.ErrnoException) => void,
  isColored: () => boolean = () => false,
): Output {
  const isTTY = stream.isTTY === true;
  // A terminal that does not know has none.
  const columns = isTTY ? stream.columns || 80 : undefined;
  const send = async (text: string): Promise<void> => {
    const error = await new Promise<Error | null | undefined>((resolve) => stream.write(text, resolve));
    if (error) onError(error);
  };
  return {
    write: (text) => send(wrapLines(printableLines(text), columns)),
    writeStyled: (text) => send(renderStyles(text, isColored(), printableLines)),
    writeJson: (text) => send(isTTY ? printableJson(text) : text),
    writeData: (text) => send(isTTY ? printableLines(text) : text),
    isTTY,
    columns,
  };
}
