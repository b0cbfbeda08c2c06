/** The HTML document around the body of a page. */
import { printableJson } from '../text/printable.ts';
import { type Html, html, trusted } from './html.ts';
import type { ReportMeta } from './meta.ts';
import { style } from './style.ts';

export interface DocumentOptions {
  readonly title: string;
  /** Content security policy, for pages that no server sends with a header. */
  readonly policy?: string;
  readonly meta?: ReportMeta;
}

export function htmlPage({ title, policy, meta }: DocumentOptions, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${policy && html`<meta http-equiv="Content-Security-Policy" content="${policy}">\n`}<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
${meta && html`<meta name="audit-warehouse-report" content="${printableJson(JSON.stringify(meta))}">\n`}<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
${body}
</body>
</html>
`.text;
}
