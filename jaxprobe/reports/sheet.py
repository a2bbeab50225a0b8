"""The page's style sheet: light, dark, phone and print."""

CSS = """
:root { color-scheme: light dark;
  --ink: #1b1e24; --soft: #5a6270; --faint: #8b929e; --line: #dfe3e8; --paper: #ffffff;
  --card: #f6f7f9; --accent: #1d5fa8; --warn: #8a4b00; --warn-paper: #fff1dc; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e6e8ec; --soft: #a6adb9; --faint: #8b929e; --line: #333a44; --paper: #14171c;
  --card: #1c2027; --accent: #7db4ee; --warn: #f3c583; --warn-paper: #3a2c14; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
main, header, nav > div { max-width: 1180px; margin: 0 auto; padding: 0 18px; }
header { padding-top: 28px; }
h1, li, p { overflow-wrap: anywhere; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 44px 0 10px; padding-top: 6px; border-top: 1px solid var(--line); }
h3 { font-size: 16px; margin: 28px 0 8px; overflow-wrap: anywhere; }
p, ul { margin: 6px 0 12px; max-width: 76ch; }
.soft { color: var(--soft); } small, .small { font-size: 13px; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
nav { position: sticky; top: 0; z-index: 5; background: var(--paper);
  border-bottom: 1px solid var(--line); margin-top: 14px; }
nav > div { display: flex; gap: 18px; overflow-x: auto; white-space: nowrap; padding-block: 8px; }
nav a { text-decoration: none; }
h2, h3 { scroll-margin-top: 48px; }
.scroll { overflow-x: auto; margin: 8px 0 14px; -webkit-overflow-scrolling: touch; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 5px 12px 5px 0; text-align: left; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: 13px; color: var(--soft); }
tbody th { color: var(--ink); font-size: 14px; position: sticky; left: 0;
  background: var(--paper); padding-right: 16px; }
td.n, th.n { text-align: right; }
td.wrap { white-space: normal; min-width: 12em; overflow-wrap: anywhere; }
th.long { white-space: normal; overflow-wrap: anywhere; min-width: 12em; }
td b { font-weight: 650; } td .ci { color: var(--soft); font-size: 12.5px; }
tr.control > * { color: var(--soft); font-style: italic; }
tr.level > * { color: var(--soft); }
.tag { display: inline-block; font-style: normal; font-size: 12px; line-height: 1.4;
  padding: 0 7px; border-radius: 9px; background: var(--warn-paper); color: var(--warn);
  margin: 0 4px 2px 0; white-space: nowrap; }
.banner { background: var(--warn-paper); color: var(--warn); padding: 10px 14px;
  border-radius: 8px; margin: 14px 0; max-width: none; }
figure { margin: 10px 0 6px; }
.fig { overflow-x: auto; } .fig svg { display: block; height: auto; max-width: 100%; }
.pair { display: flex; flex-wrap: wrap; gap: 8px 28px; align-items: flex-start; }
.pair > * { max-width: 100%; }
details { border: 1px solid var(--line); border-radius: 8px; padding: 0 14px; margin: 12px 0;
  background: var(--card); }
details[open] { padding-bottom: 12px; } details tbody th { background: var(--card); }
summary { cursor: pointer; padding: 9px 0; font-weight: 600; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px; margin: 6px 0;
  font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
code, pre { font: 13px/1.5 ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace; }
pre { background: var(--card); padding: 10px 14px; border-radius: 8px; overflow-x: auto; }
footer { color: var(--soft); font-size: 13px; max-width: 1180px; margin: 40px auto 60px;
  padding: 0 18px; }
@media (max-width: 600px) { th.long { min-width: 9.5em; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 6px; }
  h1 { font-size: 22px; } main, header, nav > div { padding-inline: 14px; } }
@media print { nav { display: none; } details { break-inside: avoid; } .fig svg { min-width: 0; } }
"""
