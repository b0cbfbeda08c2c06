import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { html, trusted, visible } from '../../src/report/html.ts';

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

describe('text of logs', () => {
  test.each([
    ['plain', 'plain'],
    ['a\u202eb\u2066c', 'a\\u{202e}b\\u{2066}c'],
    ['nul \u0000, bell \u0007, line\nend', 'nul \\u{0}, bell \\u{7}, line\\u{a}end'],
    ['no\u00a0break\u200bzero', 'no\\u{a0}break\\u{200b}zero'],
    ['half \ud800', 'half \\u{d800}'],
    ['private \ue0000\ue001', 'private \\u{e000}0\\u{e001}'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
    ['عمر', 'عمر'],
    ['e\u0301', 'e\u0301'],
  ])('%j shows as %j', (text, shown) => {
    expect(visible(text, 80)).toBe(shown);
  });

  test('is cut to the columns that there are, with an ellipsis', () => {
    expect(visible('abcdef', 6)).toBe('abcdef');
    expect(visible('abcdefg', 6)).toBe('abcde…');
    expect(visible('漢字漢字', 6)).toBe('漢字…');
    expect(visible(`${'a'.repeat(5)}\u202e`, 6)).toBe('aaaaa…');
    expect(visible('x'.repeat(1_000_000), 20)).toHaveLength(20);
  });

  test('does not pile marks up', () => {
    expect(visible(`a${'\u0301'.repeat(1000)}b`, 80)).toBe(`a${'\u0301'.repeat(3)}b`);
  });

  test('of any kind is short, well-formed and free of what cannot be seen', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 1, max: 40 }), (text, most) => {
        const shown = visible(text, most);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/u);
        expect([...shown].filter((character) => !/\p{M}/u.test(character)).length).toBeLessThanOrEqual(most);
      }),
    );
  });
});
