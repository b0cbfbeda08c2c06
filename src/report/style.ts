/**
 * The style of the page, and its colours: of the outcomes such that people who tell red from green badly can tell them
 * apart, each at least 3:1 on its ground, text at least 4.5:1.
 */
const light = {
  ground: '#f4f5f7',
  card: '#ffffff',
  ink: '#18202c',
  muted: '#566072',
  rule: '#dfe3e9',
  accent: '#1f5fae',
  allowed: '#3b76b8',
  denied: '#cf4a12',
  undefined: '#9c7400',
  errors: '#8a3d97',
  other: '#7a8494',
};

const dark: typeof light = {
  ground: '#10141b',
  card: '#191f29',
  ink: '#e8ecf2',
  muted: '#a3adbc',
  rule: '#313a48',
  accent: '#7db4f5',
  allowed: '#5d9fe0',
  denied: '#ff8a50',
  undefined: '#e3bd3f',
  errors: '#cf8fdb',
  other: '#8f99a9',
};

const variables = (colours: typeof light): string =>
  Object.entries(colours)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');

export const style = `
:root{color-scheme:light dark;${variables(light)}}
@media (prefers-color-scheme:dark){:root{${variables(dark)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:28px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:19px;line-height:1.3;margin:0 0 2px;letter-spacing:-.005em}
h3{font-size:15px;margin:22px 0 2px}
p{margin:0 0 12px;max-width:76ch}
header p,.lead,.note,footer,caption,th{color:var(--muted)}
.lead{margin-bottom:16px}
.note{font-size:13px;margin:10px 0 0}
a{color:var(--accent)}
a:focus-visible,.scroll:focus-visible,summary:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible,textarea:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
h2,h3,section,section div{scroll-margin-top:12px}
.anchor{margin-left:8px;font-weight:400;text-decoration:none;opacity:0}
h2:hover .anchor,.anchor:focus-visible{opacity:1}
.contents ul{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 20px;padding:0;list-style:none;font-size:14px}
code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.foot{margin-top:10px}
.commands{margin:4px 0 0;font-size:13px}
.commands dt{color:var(--muted);margin-top:8px}
.commands dd{margin:2px 0 0}
.commands code{display:block;padding:7px 10px;border:1px solid var(--rule);border-radius:6px;background:var(--ground);user-select:all}
.spikes{margin:2px 0 8px;padding-left:20px;font-size:13.5px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;background:var(--card);border:1px solid var(--rule);border-radius:10px;overflow:hidden;margin:22px 0}
.figures div{box-shadow:0 0 0 1px var(--rule);padding:14px 16px}
.figures dt{font-size:13px;color:var(--muted)}
.figures dd{margin:0;font-size:24px;line-height:1.25;font-weight:600;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.figures small{display:block;font-size:12.5px;font-weight:400;letter-spacing:0;color:var(--muted)}
section{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:22px 24px;margin:0 0 18px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:28px}
.columns{display:grid;gap:24px}
.pair>*,.columns>*{min-width:0}
figure{margin:0 0 12px}
.chart{display:block;width:100%;height:auto;overflow:hidden}
.chart text{font-family:inherit;font-variant-numeric:tabular-nums}
.bars{max-width:460px}
.narrow{display:none}
.chart a:focus-visible{outline:2px solid var(--accent)}
.chart a:hover rect{fill:var(--ink);fill-opacity:.08}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 10px;padding:0;list-style:none;font-size:13px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;vertical-align:-1px}
${['allowed', 'denied', 'undefined', 'errors', 'other'].map((name) => `.${name}{background:var(--${name})}`).join('')}
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:13px;padding:0 0 6px}
th{font-weight:500;text-align:left;white-space:nowrap;vertical-align:bottom}
th,td{padding:6px 14px 6px 0;border-bottom:1px solid var(--rule)}
tr>:last-child{padding-right:2px}
td{vertical-align:top}
td.text{overflow-wrap:anywhere;min-width:10.5em}
td.code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere;min-width:22em}
.number{text-align:right;white-space:nowrap}
.time{white-space:nowrap}
.none{color:var(--muted);font-style:italic}
main header{padding-left:0;padding-right:0}
.site{max-width:1120px;margin:0 auto;padding:16px 20px 0;display:flex;flex-wrap:wrap;gap:4px 20px;font-size:14px}
.site~main>header{padding-top:18px}
.skip{position:absolute;left:-999px}
.skip:focus{left:12px;top:8px}
.fields{display:grid;grid-template-columns:repeat(auto-fill,minmax(215px,1fr));gap:14px 20px;margin:6px 0 18px}
section .fields{margin:0}
.fields label{display:block;font-size:13px;font-weight:600}
.fields small,.required{color:var(--muted);font-size:12.5px;font-weight:400}
.fields small{display:block;overflow-wrap:anywhere}
.whole,.buttons{grid-column:1/-1;margin:0}
input,select,textarea,button{font:inherit;font-size:14px;color:var(--ink);background:var(--ground);border:1px solid var(--other);border-radius:6px;padding:6px 9px;max-width:100%}
input,select,textarea{width:100%}
textarea{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
button{cursor:pointer;background:var(--accent);border-color:var(--accent);color:var(--card);padding:6px 16px}
button.second{background:none;color:var(--accent)}
pre{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0}
.record dt,.receipt dt,.costs dt,.questions dt{font-size:13px;color:var(--muted)}
.record,.receipt{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 18px;margin:8px 0 0}
.record dd,.receipt dd{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
.rows table{width:max-content;min-width:100%}
.rows td.text{min-width:0;max-width:26em}
.costs dd,.questions dd{margin:0 0 8px}
.failure{border-color:var(--denied)}
details{margin-top:6px}
summary{cursor:pointer;color:var(--accent);font-size:13.5px;padding:4px 0}
footer{padding-bottom:40px;font-size:13px}
@media (max-width:1100px){
.pair{grid-template-columns:minmax(0,1fr)}
td.text{min-width:7em}
td.code{min-width:14em}
}
@media screen and (max-width:760px){
.record,.receipt{grid-template-columns:minmax(0,1fr)}
.rows table{width:100%}
.rows td.text{max-width:none}
header,main,footer,.site{padding-left:12px;padding-right:12px}
header{padding-top:22px}
h1{font-size:23px}
section{padding:16px 14px;border-radius:8px}
.figures{grid-template-columns:1fr 1fr}
.figures dd{font-size:20px}
.wide{display:none}
.narrow{display:block}
.stacks,.stacks tbody{display:block}
.stacks caption{display:block}
.stacks thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stacks tr{display:grid;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));gap:1px 14px;padding:8px 0;border-bottom:1px solid var(--rule)}
.stacks td,.stacks td.text,.stacks td.code{display:block;min-width:0;padding:0;border:0;text-align:left;white-space:normal;overflow-wrap:anywhere}
.stacks td:first-child,.stacks td.code{grid-column:1/-1}
.stacks td:first-child{font-weight:600}
.stacks td[data-label]::before{content:attr(data-label) " ";color:var(--muted);font:12.5px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
}
@media print{
@page{margin:14mm}
:root{${variables({ ...light, ground: '#ffffff' })}}
body{font-size:12px}
header,main,footer{max-width:none;padding-left:0;padding-right:0}
header{padding-top:0}
section{border:0;border-top:1px solid var(--rule);border-radius:0;padding:14px 0 4px;margin:0}
h2,h3,caption,.lead{break-after:avoid}
figure,tr,.figures,.legend{break-inside:avoid}
.scroll{overflow:visible}
table{font-size:11px}
th,td{padding-top:3px;padding-bottom:3px}
td.text,td.code{min-width:0}
.wide text{font-size:14px}
.anchor,.contents,.foot details,.site,.fields,.skip,section:has(.fields){display:none}
details::details-content{content-visibility:visible;display:block}
summary{list-style:none}
a{color:inherit;text-decoration:none}
}
`.trim();
