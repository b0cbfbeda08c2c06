/**
 * stdout through the user's pager, as git does it: only on a terminal, and only for text that is longer than the screen.
 * AUDIT_WAREHOUSE_PAGER, else PAGER, else `less`; an empty value, or `cat`, is none.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TextStream } from './output.ts';

export interface Pager {
  readonly stream: TextStream;
  end(): Promise<void>;
}

export interface PagerOptions {
  readonly terminal: TextStream & { readonly rows?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told when the terminal becomes the pager's. */
  readonly onStart: () => void;
}

export const pagerOf = (env: PagerOptions['env']): string | undefined => {
  const command = env.AUDIT_WAREHOUSE_PAGER ?? env.PAGER ?? (isInstalled('less', env.PATH ?? '') ? 'less' : '');
  return command === '' || command === 'cat' ? undefined : command;
};

const isInstalled = (program: string, path: string): boolean =>
  path.split(delimiter).some((folder) => existsSync(join(folder, program)));

/** Holds back a screen of text; what is longer goes to the pager, from its beginning. */
export function openPager({ terminal, env, onStart }: PagerOptions): Pager {
  const command = pagerOf(env);
  const most = (terminal.rows || 24) - 1;
  let held: string[] = [];
  let lines = 0;
  let child: ReturnType<typeof start> | undefined;

  function start(shell: string) {
    onStart();
    // F: ends by itself where all fits; R: colours; X: leaves the text on the screen.
    const process = spawn('/bin/sh', ['-c', shell], {
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { ...env, LESS: env.LESS ?? 'FRX', LV: env.LV ?? '-c' },
    });
    const closed = once(process, 'close');
    // Said by the write.
    process.stdin.on('error', () => {});
    return { stdin: process.stdin, closed };
  }

  return {
    stream: {
      isTTY: true,
      ...(terminal.columns !== undefined && { columns: terminal.columns }),
      write(text, done) {
        if (child !== undefined) return child.stdin.write(text, done);
        held.push(text);
        lines += text.split('\n').length - 1;
        if (command === undefined || lines <= most) return done();
        child = start(command);
        const all = held.join('');
        held = [];
        return child.stdin.write(all, done);
      },
    },
    async end() {
      if (child === undefined) {
        const all = held.join('');
        if (all !== '') await new Promise((resolve) => void terminal.write(all, resolve));
        return;
      }
      child.stdin.end();
      const [code] = await child.closed;
      if (code === 127)
        throw new Error(`the pager ${command} cannot be started; name another by PAGER, or add --no-pager`);
    },
  };
}
