/** How the page of a status looks, by day and by night. Colours have a contrast of at least 4.5 to 1 where they carry text. */
export const pageStyle = `:root {
  color-scheme: light dark;
  --ground: #fff; --panel: #f4f6f8; --text: #1b1f24; --faint: #57606a; --line: #d0d7de;
  --wal: #1a7f5a; --inherited: #9ccfba; --backup: #0b4f9e; --failure: #b42318; --warning: #8a5a00; --good: #1a7f37;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161b; --panel: #1b2128; --text: #e6edf3; --faint: #9aa7b4; --line: #323c47;
    --wal: #3fb68b; --inherited: #2b5c4c; --backup: #79b8ff; --failure: #ff8a80; --warning: #e3b341; --good: #56d364;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.25rem; max-width: 72rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
header p { margin: .2rem 0 0; color: var(--faint); }
code { font: .92em/1.4 ui-monospace, monospace; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: .75rem; margin: 0; }
.facts > div { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; font-size: 1.2rem; font-weight: 600; overflow-wrap: anywhere; }
dd.detail { font-size: .85rem; font-weight: 400; color: var(--faint); }
.problems { margin: 0; padding: 0; list-style: none; display: grid; gap: .5rem; }
.problems li { border-left: .3rem solid; padding: .4rem .8rem; background: var(--panel); overflow-wrap: anywhere; }
.problems p { margin: .1rem 0 0; color: var(--faint); }
.problems strong { margin-right: .4rem; }
.problems .failure { border-color: var(--failure); } .failure strong { color: var(--failure); }
.problems .warning { border-color: var(--warning); } .warning strong { color: var(--warning); }
.ok { color: var(--good); margin: 0; font-weight: 600; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--backup); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; }
thead th { color: var(--faint); font-size: .85rem; white-space: nowrap; }
td { white-space: nowrap; } td.text { white-space: normal; min-width: 14rem; } .number { text-align: right; } tr.failure { color: var(--failure); }
svg { display: block; width: 100%; min-width: 52rem; height: auto; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; } svg .faint { fill: var(--faint); }
svg .axis { stroke: var(--line); } svg .now { stroke: var(--faint); stroke-dasharray: 3 3; }
svg .wal { fill: var(--wal); } svg .inherited { fill: var(--inherited); stroke: var(--wal); }
svg .backup { fill: var(--backup); stroke: var(--ground); stroke-width: 1.5; }
svg .delta { fill: var(--ground); stroke: var(--backup); stroke-width: 2; }
svg .unusable { stroke: var(--failure); stroke-width: 2.5; } svg .behind { fill: var(--ground); }
.legend { color: var(--faint); font-size: .85rem; margin: .3rem 0 0; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 .9em; vertical-align: -.05em; }
.key:first-child { margin-left: 0; }
.key.wal { background: var(--wal); } .key.inherited { background: var(--inherited); } .key.backup { background: var(--backup); }
.key.round { border-radius: 50%; } .key.delta { border: 2px solid var(--backup); }
.sign { color: var(--failure); margin: 0 .3em 0 .9em; }
@media print { body { max-width: none; } .scroll { overflow: visible; } }
`;
