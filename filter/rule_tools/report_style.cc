#include "filter/rule_tools/report_style.h"

namespace gatepost::rule_tools {

const std::string_view kReportStyle = R"css(
:root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--ink:#1d2328;--soft:#66707a;--line:#e2e3df;
--ham:#2f7f9e;--spam:#cf5a3c;--ham-soft:#2f7f9e2e;--spam-soft:#cf5a3c2e;--mark:#8a6d00;--good:#2c7a4b;--bad:#b3372b;--hover:#f2f4f2}
@media(prefers-color-scheme:dark){:root{--bg:#15181b;--card:#1d2125;--ink:#e4e7e9;--soft:#98a2ab;--line:#30363b;
--ham:#62b3d0;--spam:#ec8466;--ham-soft:#62b3d038;--spam-soft:#ec846638;--mark:#d9b94a;--good:#6cc58c;--bad:#f08a7e;--hover:#242a2f}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
main{max-width:1200px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:18px;margin:40px 0 4px}
p{margin:4px 0 12px}
.soft,.note{color:var(--soft)}.note{font-size:13.5px;max-width:76ch}
code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.92em;overflow-wrap:anywhere}
.meta{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:14px 0 0;font-size:13.5px}
.meta dt{color:var(--soft)}.meta dd{margin:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin:24px 0 8px}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px}
.tile{padding:14px 16px}
.tile b{display:block;font-size:26px;line-height:1.25;font-weight:600;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13.5px}
.tile .delta{display:block;font-size:13px}
.tile.spam{border-top:3px solid var(--spam)}.tile.ham{border-top:3px solid var(--ham)}
.card{padding:12px 14px;overflow-x:auto;margin:10px 0}
.card.table{padding:0}.narrow{max-width:720px}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{text-align:left;padding:6px 10px;border-bottom:1px solid var(--line);vertical-align:top}
tbody tr:last-child td{border-bottom:0}
tbody tr:hover{background:var(--hover)}
th{font-weight:600;line-height:1.3;color:var(--soft);vertical-align:bottom;position:sticky;top:0;background:var(--card)}
th button{all:unset;cursor:pointer;color:inherit}
th button:hover,th button:focus-visible{color:var(--ink);text-decoration:underline}
th[aria-sort=ascending] button::after{content:" ▲";font-size:9px}
th[aria-sort=descending] button::after{content:" ▼";font-size:9px}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.name{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:12.5px;min-width:250px;max-width:380px;overflow-wrap:anywhere}
.name small{display:block;font-family:system-ui,"DejaVu Sans",sans-serif;color:var(--soft);font-size:12px;margin-top:1px}
.rules{min-width:280px}.rules small{color:var(--soft)}.message{min-width:240px}
.good,.tile .good{color:var(--good)}.bad,.tile .bad{color:var(--bad)}
.zero{color:var(--soft);opacity:.65}
.kind{font-size:12px;font-weight:600;border-radius:4px;padding:1px 7px}
.kind.shadow{color:var(--soft);background:var(--line);font-family:system-ui,"DejaVu Sans",sans-serif}
.kind.ham{color:var(--ham);background:var(--ham-soft)}.kind.spam{color:var(--spam);background:var(--spam-soft)}
th.n{white-space:normal}
#rules th,#rules td{padding:6px 7px}
.bar{display:block;width:56px;height:4px;margin:3px 0 0 auto}
.bar .track{fill:var(--line)}.bar .ham{fill:var(--ham)}.bar .spam{fill:var(--spam)}
.plot{width:100%;height:auto;display:block}
.plot rect.ham{fill:var(--ham)}.plot rect.spam{fill:var(--spam)}
.plot .before{fill:none;stroke:var(--ink);stroke-opacity:.6;stroke-width:1.3;stroke-dasharray:3 2}
.plot .axis{stroke:var(--soft);stroke-width:1}
.plot .grid{stroke:var(--line);stroke-width:1}
.plot .mark{stroke:var(--mark);stroke-width:1.5;stroke-dasharray:5 3}
.plot text{font-size:12px;fill:var(--soft)}
.plot .end{text-anchor:end}
.plot .marked{fill:var(--mark);font-weight:600}
.plot .name{font:600 13px system-ui,"DejaVu Sans",sans-serif}
.plot text.ham{fill:var(--ham)}.plot text.spam{fill:var(--spam)}
input{font:inherit;font-size:13.5px;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:7px;padding:5px 10px;width:260px;max-width:100%}
.tools{display:flex;gap:14px;align-items:baseline;flex-wrap:wrap;margin:8px 0}
details summary{cursor:pointer;color:var(--soft);margin:8px 0}
details p{max-width:none}
footer{margin-top:48px;color:var(--soft);font-size:13px}
[hidden]{display:none!important}
@media print{body{background:#fff}main{max-width:none}th{position:static}input{display:none}}
)css";

const std::string_view kReportScript = R"js(
'use strict';
for (const table of document.querySelectorAll('table.sort')) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.textContent = '';
    head.append(button);
    const value = row => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      const down = before ? before === 'ascending' : head.classList.contains('n');
      heads.forEach(other => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const numeric = head.classList.contains('n');
      const rows = [...body.rows].sort((a, b) => {
        const x = value(a), y = value(b);
        return numeric ? Number(x) - Number(y) : x.localeCompare(y);
      });
      if (down) rows.reverse();
      body.append(...rows);
    });
  });
}
for (const input of document.querySelectorAll('input[data-filter]')) {
  const table = document.getElementById(input.dataset.filter);
  const shown = document.getElementById(input.dataset.filter + '-shown');
  input.parentElement.hidden = false;
  input.addEventListener('input', () => {
    const wanted = input.value.trim().toLowerCase();
    let count = 0;
    for (const row of table.tBodies[0].rows) {
      const hide = wanted !== '' && !row.textContent.toLowerCase().includes(wanted);
      row.hidden = hide;
      if (!hide) ++count;
    }
    shown.textContent = wanted === '' ? '' : count + ' shown';
  });
}
)js";

}  // namespace gatepost::rule_tools
