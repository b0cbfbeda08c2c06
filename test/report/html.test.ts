import { describe, expect, test } from 'vitest';
import { html, trusted } from '../../src/report/html.ts';

describe('markup', () => {
  test('escapes text in content and in attributes', () => {
    const text = `<a href="x" title='y'>&amp;`;
    const escaped = '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;';
    expect(html`<p title="${text}">${text}</p>`.text).toBe(`<p title="${escaped}">${escaped}</p>`);
  });

  test('takes markup, lists and numbers as they are, and leaves out what is not there', () => {
    expect(html`${html`<b>${1}</b>`}${[html`<i>`, 'a<', null]}${undefined}${false}${trusted('<hr>')}`.text).toBe(
      '<b>1</b><i>a&lt;<hr>',
    );
  });

  test('does not take text for markup that only looks like it', () => {
    const forged = { text: '<script>' } as unknown as string;
    expect(() => html`${forged}`).toThrow(TypeError);
  });
});
