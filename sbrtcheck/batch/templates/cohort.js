"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [ID, NAME, CENTRE, VERDICT, LABEL, CODE, MESSAGE, RESULTS, REPLACES, CHANGED] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const {plans, rules, verdicts} = data;
  const passes = new Set(["pass", "not-applicable"].map(v => verdicts.indexOf(v)));
  const PAGE = 100;
  const by = id => document.getElementById(id);
  const make = (tag, text, kind) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (kind) e.className = kind;
    return e;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const draw = (tag, values, text) => {
    const e = document.createElementNS(SVG, tag);
    for (const [k, v] of Object.entries(values)) e.setAttribute(k, v);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const option = (select, value, text) => {
    const o = make("option", text === undefined ? value : text);
    o.value = value;
    select.append(o);
  };
  const centres = [...new Set(plans.map(p => p[CENTRE]))].sort();
  const centreName = c => c || "(none stated)";
  verdicts.filter(v => plans.some(p => verdicts[p[VERDICT]] === v)).forEach(v => option(by("f-verdict"), v));
  rules.forEach((r, n) => option(by("f-rule"), String(n), r));
  centres.forEach(c => option(by("f-centre"), c || " ", centreName(c)));

  const fields = ["text", "verdict", "rule", "centre", "order"];
  const state = () => Object.fromEntries(fields.map(f => [f, by("f-" + f).value]));
  const fromHash = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    fields.forEach(f => { by("f-" + f).value = given.get(f) || ""; });
  };
  let page = 0;

  const chosen = s => {
    const text = s.text.trim().toLowerCase();
    const found = plans.filter(p =>
      (!s.verdict || verdicts[p[VERDICT]] === s.verdict) &&
      (!s.centre || p[CENTRE] === s.centre.trim()) &&
      (!s.rule || p[RESULTS].some(r => r[0] === Number(s.rule) && !passes.has(r[1]))) &&
      (!text || [p[NAME], p[LABEL], p[CODE], p[MESSAGE]].some(t => t.toLowerCase().includes(text))));
    const compare = (a, b) => a < b ? -1 : a > b ? 1 : 0;
    if (s.order === "name") found.sort((a, b) => compare(a[NAME], b[NAME]));
    if (s.order === "centre") found.sort((a, b) => compare(a[CENTRE], b[CENTRE]));
    return found;
  };

  const bar = share => {
    const width = 112, middle = 56, height = 13;
    const length = Math.max(2, Math.min(middle, Math.abs(share) * middle));
    const svg = draw("svg", {class: "bar", viewBox: `0 0 ${width} ${height}`, role: "img"});
    svg.append(draw("title", {}, `margin ${(100 * share).toFixed(1)} % of the limit`));
    svg.append(draw("rect", {x: 0, y: 5, width, height: 3, fill: "#e1e5ea"}));
    svg.append(draw("rect", {x: share < 0 ? middle - length : middle, y: 2, width: length, height: 9, fill: share < 0 ? "#a3122a" : "#17602f"}));
    svg.append(draw("line", {x1: middle, x2: middle, y1: 0, y2: height, stroke: "#1b1f24"}));
    return svg;
  };

  const why = p => {
    const cell = make("td");
    if (p[CODE]) {
      cell.append(make("code", p[CODE]), " " + p[MESSAGE]);
      return cell;
    }
    const odd = p[RESULTS].filter(r => !passes.has(r[1]));
    const near = p[RESULTS].filter(r => passes.has(r[1]) && r[6] !== null).slice(0, 1);
    for (const r of [...odd.slice(0, 4), ...(odd.length ? [] : near)]) {
      const line = make("div", undefined, "why");
      line.append(make("span", verdicts[r[1]], "v v-" + verdicts[r[1]]));
      const value = r[3] === null ? "" : `: ${r[3]} ${r[4]}${r[5] ? ` (limit ${r[5]})` : ""}`;
      line.append(make("span", `${rules[r[0]].split(" / ").pop()}, ${r[2]}${value}`));
      line.append(r[6] === null ? make("span") : bar(r[6]));
      cell.append(line);
    }
    if (odd.length > 4) cell.append(make("span", `and ${odd.length - 4} more`, "more"));
    return cell;
  };

  const replacedBy = new Map(plans.filter(p => p[REPLACES]).map(p => [p[REPLACES], p[NAME]]));

  const row = p => {
    const tr = make("tr"), v = verdicts[p[VERDICT]];
    const badge = make("td");
    badge.append(make("span", v, "badge v-" + v));
    const name = make("td", undefined, "name");
    if (p[CODE]) name.append(p[NAME]);
    else {
      const a = make("a", p[NAME]);
      a.href = `plans/${p[ID]}/report.html`;
      name.append(a);
    }
    if (p[LABEL]) name.append(make("span", p[LABEL], "label"));
    if (p[REPLACES]) name.append(make("span", `replaces ${p[REPLACES]}: ${p[CHANGED]}`, "label"));
    if (replacedBy.has(p[NAME])) name.append(make("span", `replaced by ${replacedBy.get(p[NAME])}`, "label"));
    tr.append(badge, name, make("td", p[CENTRE]), why(p));
    return tr;
  };

  const table = (id, heads, lines) => {
    const head = make("tr");
    heads.forEach((h, n) => { const th = make("th", h, n ? "n" : ""); th.scope = "col"; head.append(th); });
    document.querySelector(`#${id} thead`).replaceChildren(head);
    document.querySelector(`#${id} tbody`).replaceChildren(...lines);
  };

  const used = verdicts.filter(v => plans.some(p => verdicts[p[VERDICT]] === v || p[RESULTS].some(r => verdicts[r[1]] === v)));
  const tallies = found => {
    const counted = rules.map(() => Object.create(null));
    for (const p of found) {
      const worst = new Map();
      for (const r of p[RESULTS]) worst.set(r[0], Math.min(r[1], worst.has(r[0]) ? worst.get(r[0]) : 99));
      for (const [r, v] of worst) counted[r][verdicts[v]] = (counted[r][verdicts[v]] || 0) + 1;
    }
    const line = (name, counts, act) => {
      const tr = make("tr"), first = make("td"), b = make("button", name, "link");
      b.type = "button";
      b.addEventListener("click", act);
      first.append(b);
      tr.append(first, ...used.map(v => make("td", counts[v] ? String(counts[v]) : "", counts[v] ? "n v-" + v : "n")));
      return tr;
    };
    table("rules", ["Rule", ...used], rules.map((r, n) => line(r, counted[n], () => { by("c-rule").value = String(n); chart(); by("h-chart").scrollIntoView(); })));
    const of = Object.create(null);
    for (const p of plans) { const c = of[p[CENTRE]] ||= Object.create(null), v = verdicts[p[VERDICT]]; c[v] = (c[v] || 0) + 1; }
    table("centres", ["Centre", ...used], centres.map(c => line(centreName(c), of[c], () => { by("f-centre").value = c || " "; changed(); })));
    by("s-centres").hidden = centres.length < 2;
  };

  const quantile = (sorted, q) => {
    const at = q * (sorted.length - 1), low = Math.floor(at);
    return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
  };

  const chart = () => {
    const rule = Number(by("c-rule").value), groups = new Map(), all = [];
    for (const p of [...plans].sort((a, b) => a[NAME] < b[NAME] ? -1 : 1)) {
      const shares = p[RESULTS].filter(r => r[0] === rule && r[6] !== null).map(r => r[6]);
      if (!shares.length) continue;
      const least = 100 * Math.min(...shares);
      all.push(least);
      if (!groups.has(p[CENTRE])) groups.set(p[CENTRE], []);
      groups.get(p[CENTRE]).push([least, p]);
    }
    if (!all.length) { by("chart").replaceChildren(make("p", "No plan has a margin for this rule.", "note")); return; }
    all.sort((a, b) => a - b);
    const low = Math.max(Math.min(all[0], 0), -150) - 5, high = Math.min(Math.max(all[all.length - 1], 0), 150) + 5;
    const left = 190, width = 1000, step = 46, names = [...groups.keys()].sort();
    const x = v => left + (Math.max(low, Math.min(high, v)) - low) / (high - low) * (width - left - 20);
    const height = step * names.length + 46;
    const svg = draw("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "font-size": 13, fill: "#1b1f24"});
    svg.append(draw("title", {}, `Margins of ${rules[rule]} by centre`));
    const [p5, p95] = [quantile(all, .05), quantile(all, .95)];
    svg.append(draw("rect", {x: x(p5), y: 8, width: Math.max(1, x(p95) - x(p5)), height: step * names.length, fill: "#eef1f4"}));
    svg.append(draw("line", {x1: x(0), x2: x(0), y1: 8, y2: step * names.length + 8, stroke: "#1b1f24"}));
    const tick = [1, 2, 5, 10, 20, 50, 100].find(t => (high - low) / t <= 12) || 100;
    for (let t = Math.ceil(low / tick) * tick; t <= high; t += tick) {
      svg.append(draw("line", {x1: x(t), x2: x(t), y1: step * names.length + 8, y2: step * names.length + 13, stroke: "#4a525c"}));
      svg.append(draw("text", {x: x(t), y: step * names.length + 28, "text-anchor": "middle"}, `${t} %`));
    }
    names.forEach((c, n) => {
      const y = 8 + step * (n + .5), points = groups.get(c), sorted = points.map(p => p[0]).sort((a, b) => a - b);
      const median = quantile(sorted, .5), mark = median < p5;
      const name = draw("text", {x: left - 12, y: y + 4, "text-anchor": "end", "font-weight": mark ? 700 : 400}, (mark ? "\u25b2 " : "") + centreName(c).slice(0, 24));
      name.append(draw("title", {}, `${centreName(c)}: ${points.length} plans, median ${median.toFixed(1)} %`));
      svg.append(name);
      svg.append(draw("line", {x1: x(quantile(sorted, .05)), x2: x(quantile(sorted, .95)), y1: y, y2: y, stroke: "#6b7580"}));
      const [q1, q3] = [quantile(sorted, .25), quantile(sorted, .75)];
      svg.append(draw("rect", {x: x(q1), y: y - 9, width: Math.max(1, x(q3) - x(q1)), height: 18, fill: "#cfe0f2", stroke: "#6b7580"}));
      svg.append(draw("line", {x1: x(median), x2: x(median), y1: y - 9, y2: y + 9, stroke: "#0b4f8a", "stroke-width": 3}));
      points.slice(0, 600).forEach(([v, p], k, shown) => {
        const dot = draw("circle", {cx: x(v), cy: y - 14 + 28 * (k + .5) / shown.length, r: 2.6, fill: v < 0 ? "#a3122a" : "#17602f", "fill-opacity": .75});
        dot.append(draw("title", {}, `${p[NAME]}: ${v.toFixed(1)} %`));
        svg.append(dot);
      });
    });
    by("chart").replaceChildren(svg);
  };

  const show = () => {
    const s = state(), found = chosen(s), pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(page, pages - 1);
    document.querySelector("#plans tbody").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(row));
    by("shown").textContent = found.length === plans.length ? `${plans.length} plans` : `${found.length} of ${plans.length} plans`;
    by("page").textContent = `page ${page + 1} of ${pages}`;
    by("before").disabled = page === 0;
    by("after").disabled = page === pages - 1;
    document.querySelector(".pages").hidden = pages === 1;
    by("rules-of").textContent = s.centre ? `centre ${centreName(s.centre.trim())}` : "all centres";
    tallies(s.centre ? plans.filter(p => p[CENTRE] === s.centre.trim()) : plans);
  };
  const changed = () => {
    page = 0;
    const s = state(), kept = new URLSearchParams(Object.entries(s).filter(([, v]) => v));
    history.replaceState(null, "", kept.size ? "#" + kept : location.pathname + location.search);
    show();
  };

  const measured = rules.map((r, n) => n).filter(n => plans.some(p => p[RESULTS].some(r => r[0] === n && r[6] !== null)));
  measured.forEach(n => option(by("c-rule"), String(n), rules[n]));
  by("filters").addEventListener("input", changed);
  by("filters").addEventListener("submit", e => e.preventDefault());
  by("filters").addEventListener("reset", () => setTimeout(changed));
  document.querySelectorAll(".counts button").forEach(b => b.addEventListener("click", () => {
    by("f-verdict").value = by("f-verdict").value === b.dataset.verdict ? "" : b.dataset.verdict;
    changed();
  }));
  by("before").addEventListener("click", () => { page -= 1; show(); });
  by("after").addEventListener("click", () => { page += 1; show(); });
  by("c-rule").addEventListener("input", chart);
  addEventListener("hashchange", () => { fromHash(); page = 0; show(); });
  fromHash();
  show();
  if (measured.length) chart();
  else by("h-chart").parentElement.hidden = true;
})();
