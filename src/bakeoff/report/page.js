"use strict";
(() => {
  const root = document.documentElement;
  const themes = JSON.parse(document.getElementById("themes").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const unpacked = (spec) => {
    const { names, rows } = spec.data;
    return { ...spec, data: { values: rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]]))) } };
  };
  const plots = [...document.querySelectorAll(".plot")].map((place) => ({
    place,
    spec: unpacked(JSON.parse(place.parentElement.querySelector("script.spec").textContent)),
    view: null,
  }));
  let focus = "";

  const theme = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const say = (text) => { document.getElementById("said").textContent = text; };

  // ---- charts: one after the other, so that the page answers meanwhile
  let drawing = 0;
  async function draw() {
    const mine = ++drawing;
    root.dataset.charts = "drawing";
    for (const plot of plots) {
      if (mine !== drawing) return;
      if (plot.view) plot.view.finalize();
      const made = await vegaEmbed(plot.place, plot.spec, {
        actions: false, ast: true, renderer: "svg", config: themes[theme()], tooltip: { theme: theme() },
      });
      plot.view = made.view;
      // The place has the words, and the table behind it the figures: marks would only be noise to a screen reader.
      plot.place.querySelector("svg").setAttribute("aria-hidden", "true");
      if (focus) plot.view.signal("focus", focus).run();
      await new Promise((next) => setTimeout(next));
    }
    root.dataset.charts = "drawn";
  }

  // ---- a target followed through all charts
  const chips = [...document.querySelectorAll(".chip")];
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      focus = focus === chip.dataset.target ? "" : chip.dataset.target;
      for (const other of chips) other.setAttribute("aria-pressed", String(other.dataset.target === focus));
      for (const { view } of plots) if (view) view.signal("focus", focus).run();
    });
  }

  // ---- dark and light
  const toggle = document.getElementById("theme");
  const remember = (name) => { try { localStorage.setItem("bakeoff-theme", name); } catch { /* no storage: for this visit */ } };
  const show = () => {
    toggle.textContent = theme() === "dark" ? "Light" : "Dark";
    toggle.setAttribute("aria-label", `Switch to ${theme() === "dark" ? "light" : "dark"} colours`);
    toggle.setAttribute("aria-pressed", String(theme() === "dark"));
    draw();
  };
  try { const kept = localStorage.getItem("bakeoff-theme"); if (kept in themes) root.dataset.theme = kept; } catch { /* no storage */ }
  toggle.hidden = false;
  toggle.addEventListener("click", () => { root.dataset.theme = theme() === "dark" ? "light" : "dark"; remember(root.dataset.theme); show(); });
  dark.addEventListener("change", () => { if (!root.dataset.theme) show(); });

  // ---- tables: sort, filter, copy
  const figure = (text) => {
    const found = text.replace(/,/g, "").match(/-?\d+(\.\d+)?(e[-+]?\d+)?/i);
    return found ? Number(found[0]) : null;
  };
  const order = (a, b, way, isNumber) => {
    if (!isNumber) return way * a.localeCompare(b, "en", { numeric: true });
    const [x, y] = [figure(a), figure(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    return way * (x - y);
  };
  const cells = (row) => [...row.cells].map((cell) => cell.textContent.trim());
  const shown = (table) => [[...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim()),
    ...[...table.tBodies[0].rows].filter((row) => !row.hidden).map(cells)];
  const markdown = (rows) => {
    const line = (row) => `| ${row.map((cell) => cell.replace(/\\/g, "\\\\").replace(/\|/g, "\\|").replace(/</g, "&lt;").replace(/\s+/g, " ")).join(" | ")} |`;
    return [line(rows[0]), `|${" --- |".repeat(rows[0].length)}`, ...rows.slice(1).map(line)].join("\n") + "\n";
  };
  // A cell that begins like a formula would be run by a spreadsheet: a quote before it keeps it text.
  const safe = (cell) => (/^[=@\t\r]|^[+-](?![\d.])/.test(cell) ? `'${cell}` : cell);
  const csv = (rows) => rows.map((row) => row.map((cell) => `"${safe(cell).replace(/"/g, '""')}"`).join(",")).join("\r\n") + "\r\n";

  async function copy(text, what) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Browsers that give a file's page no clipboard still copy a selection.
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say(what);
  }

  function button(text, label, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", act);
    return made;
  }

  for (const table of document.querySelectorAll("table.data")) {
    const { title } = table.dataset;
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const press = document.createElement("button");
      press.type = "button";
      press.textContent = head.textContent.trim();
      press.addEventListener("click", () => {
        const way = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
        const isNumber = head.classList.contains("number");
        const text = (row) => row.cells[column].textContent.trim();
        body.append(...[...body.rows].sort((a, b) => order(text(a), text(b), way, isNumber)));
      });
      if (press.textContent) head.replaceChildren(press);
    });
    const tools = document.createElement("div");
    tools.className = "tools";
    const count = document.createElement("span");
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "filter rows";
    filter.setAttribute("aria-label", `Filter the rows of ${title}`);
    const tell = () => {
      const rows = [...body.rows];
      const left = rows.filter((row) => !row.hidden).length;
      count.textContent = left === rows.length ? `${rows.length} rows` : `${left} of ${rows.length} rows`;
    };
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      tell();
    });
    tell();
    if (body.rows.length > 5) tools.append(filter);
    tools.append(
      button("Copy Markdown", `Copy ${title} as Markdown`, () => copy(markdown(shown(table)), `${title}: copied as Markdown`)),
      button("Copy CSV", `Copy ${title} as CSV`, () => copy(csv(shown(table)), `${title}: copied as CSV`)),
      count,
    );
    table.parentElement.before(tools);
  }

  // A link into a closed part opens it.
  const reveal = () => {
    const place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const closed = place && (place.closest("details") || place.querySelector(":scope > details"));
    if (closed) { closed.open = true; place.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("figure details")) part.open = true; });
  show();
  reveal();
})();
