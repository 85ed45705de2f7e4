"use strict";
// The prefixes of the page as pictures, and tables that sort and search. The data and its form are described
// in tree.py. Every name is put in as text, never as markup.
(() => {
  const [NAME, KEYS, EXPIRING, MEMORY, DISK, PARTS] = [0, 1, 2, 3, 4, 5];
  const HUES = ["#1f6096", "#9a5200", "#0f7160", "#8a3d75", "#666000", "#4b57a8", "#a63a2b", "#4d6470"];
  const REST = "#5d6773";
  const SHARES = ["#dfe7ef", "#b4cbe0", "#7aa6cc", "#3a76ab", "#123f6b"];
  const DARK_INK = 3; // shares below it are light, and have dark words
  const find = (id) => document.getElementById(id);

  function make(name, words, ...classes) {
    const element = document.createElement(name);
    if (words !== undefined) element.textContent = words;
    element.classList.add(...classes);
    return element;
  }

  // --- words ------------------------------------------------------------------------------------------

  const count = (value) => value.toLocaleString("en-US");
  const plural = (value, word) => `${count(value)} ${word}${value === 1 ? "" : "s"}`;

  function size(bytes) {
    if (bytes < 1024) return `${Math.round(bytes)} B`;
    const step = Math.min(Math.floor(Math.log2(bytes) / 10), 4);
    return `${(bytes / 1024 ** step).toFixed(1)} ${["KiB", "MiB", "GiB", "TiB"][step - 1]}`;
  }

  function percent(part, whole) {
    const share = whole ? (100 * part) / whole : 0;
    return share > 0 && share < 1 ? "<1%" : `${Math.round(share)}%`;
  }

  const MEASURES = {
    memory: { at: MEMORY, says: "memory", words: (value) => `~${size(value)}` },
    disk: { at: DISK, says: "bytes on disk", words: size },
    keys: { at: KEYS, says: "keys", words: (value) => plural(value, "key") },
  };

  // --- the tree ---------------------------------------------------------------------------------------

  function grown(row, parent, hue) {
    const branch = { row, parent, depth: parent ? parent.depth + 1 : 0, hue, is_rest: typeof row[NAME] === "number" };
    branch.name = !branch.is_rest ? row[NAME] : !row[NAME] ? "(no more parts)" : `(${count(row[NAME])} smaller prefix${row[NAME] === 1 ? "" : "es"})`;
    branch.path = !parent ? "" : !data.joined && !branch.is_rest ? branch.name
      : parent.path + (parent.path && branch.is_rest ? " " : "") + branch.name;
    branch.parts = (row[PARTS] || []).map((part, at) => grown(part, branch, parent ? hue : at));
    return branch;
  }

  const data = JSON.parse(find("data").textContent);
  const root = grown(data.tree, null, 0);
  const state = { here: root, picture: "map", measure: "memory", colour: "prefix" };
  const measure = () => MEASURES[state.measure];
  const sized = (branch) => branch.row[measure().at];
  const title = (branch) => (branch === root ? "all keys" : branch.path);
  const ordered = (branch) =>
    [...branch.parts].sort((one, two) => one.is_rest - two.is_rest || sized(two) - sized(one));

  function amounts(branch) {
    const [, keys, expiring, memory, disk] = branch.row;
    return [
      `~${size(memory)} of memory, ${percent(memory, root.row[MEMORY])} of all`,
      `${size(disk)} on disk`,
      plural(keys, "key"),
      `~${size(memory / (keys || 1))} each`,
      `${percent(keys - expiring, keys)} of them never expire`,
    ].join(", ");
  }

  const said = (branch) => `${title(branch)}, ${amounts(branch)}`;

  const forever = (branch) => {
    const [, keys, expiring] = branch.row;
    return keys ? Math.min(Math.floor((SHARES.length * (keys - expiring)) / keys), SHARES.length - 1) : 0;
  };

  function paint(tile, branch, darker) {
    if (state.colour === "never") {
      const share = forever(branch);
      tile.style.background = SHARES[share];
      tile.classList.toggle("dark-ink", share < DARK_INK);
    } else {
      const hue = branch.is_rest || !branch.parent ? REST : HUES[branch.hue % HUES.length];
      tile.style.background = darker ? shaded(hue) : hue;
    }
  }

  const shaded = (hue) =>
    `rgb(${[1, 3, 5].map((at) => Math.round(0.72 * parseInt(hue.slice(at, at + 2), 16))).join(" ")})`;

  // --- tiles, of which one can be reached with Tab and the others with arrows -------------------------------

  const picture = find("picture");
  let tiles = new Map();

  function tile(branch, x, y, width, height, frame, { darker = false } = {}) {
    const button = make("button", undefined, "tile");
    button.type = "button";
    button.tabIndex = -1;
    Object.assign(button.style, {
      left: `${(100 * x) / frame.width}%`,
      width: `${(100 * width) / frame.width}%`,
      top: frame.pixels ? `${y}px` : `${(100 * y) / frame.height}%`,
      height: frame.pixels ? `${height}px` : `${(100 * height) / frame.height}%`,
    });
    paint(button, branch, darker);
    button.classList.toggle("leaf", !branch.parts.length);
    button.setAttribute("aria-label", said(branch) + (branch.parts.length ? ", opens" : ""));
    label(button, branch, width, height, darker);
    button.addEventListener("click", () => open(branch));
    button.addEventListener("focus", () => { reach(branch); tell(branch); });
    button.addEventListener("pointerenter", () => tell(branch));
    picture.append(button);
    tiles.set(branch, button);
  }

  // The name as far as it fits, and the amount where all of it does: half a number misleads.
  function label(button, branch, width, height, is_head) {
    const fits = (words) => 7.2 * words.length + 12;
    if (width < 30 || height < 16) return;
    const name = branch === root ? title(branch) : branch.name;
    const value = measure().words(sized(branch));
    const share = `${value}, ${percent(sized(branch), sized(root))}`;
    const in_line = is_head || height < 35;
    button.classList.toggle("line", in_line);
    button.append(make("b", name));
    const room = in_line ? width - fits(name) : width;
    if (fits(share) < room && !is_head) button.append(make("span", share));
    else if (fits(value) < room) button.append(make("span", value));
  }

  function open(branch) {
    if (branch.parts.length) go(branch, null);
    else if (branch.parent && branch.parent !== state.here && branch.parent.parts.length) go(branch.parent, branch);
    else tell(branch);
  }

  function reach(branch) {
    for (const button of tiles.values()) button.tabIndex = -1;
    const button = tiles.get(branch);
    if (button) button.tabIndex = 0;
  }

  const tell = (branch) => find("detail").replaceChildren(make("b", title(branch)), ` ${amounts(branch)}`);

  // The branch that an arrow leads to from this one; undefined where there is none.
  function beside(branch, key) {
    const seen = (other) => tiles.has(other);
    const row = branch.parent ? ordered(branch.parent).filter(seen) : [];
    if (key === "ArrowRight") return row[row.indexOf(branch) + 1];
    if (key === "ArrowLeft") return row[row.indexOf(branch) - 1];
    if (key === "ArrowDown") return ordered(branch).find(seen);
    if (key === "ArrowUp") return seen(branch.parent) ? branch.parent : undefined;
    if (key === "Home") return ordered(state.here).find(seen);
    return undefined;
  }

  picture.addEventListener("keydown", (event) => {
    const branch = [...tiles.keys()].find((one) => tiles.get(one) === document.activeElement);
    if (event.key === "Backspace" || event.key === "Escape") {
      if (state.here.parent) go(state.here.parent, state.here);
      event.preventDefault();
    } else if (branch) {
      const next = beside(branch, event.key);
      if (next) tiles.get(next).focus();
      if (event.key.startsWith("Arrow") || event.key === "Home") event.preventDefault();
    }
  });

  // --- treemap: rows of rectangles, each as near to a square as can be ------------------------------------

  function squares(branches, box, put) {
    let { x, y, width, height } = box;
    let left = branches.filter((branch) => sized(branch) > 0);
    let total = left.reduce((sum, branch) => sum + sized(branch), 0);
    while (left.length && width > 0 && height > 0) {
      const side = Math.min(width, height);
      const scale = (width * height) / total;
      let taken = 0, sum = 0, worst = Infinity;
      while (taken < left.length) {
        const more = sum + sized(left[taken]);
        const ratio = stretched(sized(left[0]) * scale, sized(left[taken]) * scale, more * scale, side);
        if (ratio > worst) break;
        worst = ratio; sum = more; taken += 1;
      }
      const thick = (sum * scale) / side;
      let along = 0;
      for (const branch of left.slice(0, taken)) {
        const long = (sized(branch) * scale) / thick;
        if (width >= height) put(branch, x, y + along, thick, long);
        else put(branch, x + along, y, long, thick);
        along += long;
      }
      if (width >= height) { x += thick; width -= thick; } else { y += thick; height -= thick; }
      total -= sum;
      left = left.slice(taken);
    }
  }

  const stretched = (most, least, area, side) =>
    Math.max((side * side * most) / (area * area), (area * area) / (side * side * least));

  const ON_PAPER = { width: 690, height: 400 }; // as page.css has it

  function map(frame) {
    const box = { x: 0, y: 0, ...frame };
    const branches = state.here.parts.length ? ordered(state.here) : [state.here];
    squares(branches, box, (branch, x, y, width, height) => {
      if (width < 2 || height < 2) return;
      const head = 19;
      const is_split = branch.parts.length > 0 && width > 70 && height > 52;
      tile(branch, x, y, width, height, frame, { darker: is_split });
      if (!is_split) return;
      const inner = { x: x + 2, y: y + head, width: width - 4, height: height - head - 2 };
      squares(ordered(branch), inner, (part, ...place) => {
        if (place[2] >= 2 && place[3] >= 2) tile(part, ...place, frame);
      });
    });
  }

  // --- flame: a row a level, what belongs to a prefix beneath it ---------------------------------------------

  function flame(width) {
    const high = 26;
    const frame = { width, height: 0, pixels: true };
    const above = [];
    for (let branch = state.here.parent; branch; branch = branch.parent) above.unshift(branch);
    above.forEach((branch, at) => tile(branch, 0, at * high, width, high, frame, { darker: true }));
    let deepest = above.length;
    const grow = (branch, x, wide, level) => {
      if (wide < 2) return;
      deepest = Math.max(deepest, level);
      tile(branch, x, level * high, wide, high, frame);
      let at = x;
      for (const part of ordered(branch)) {
        const share = sized(branch) ? (wide * sized(part)) / sized(branch) : 0;
        grow(part, at, share, level + 1);
        at += share;
      }
    };
    grow(state.here, 0, width, above.length);
    picture.style.height = `${(deepest + 1) * high}px`;
  }

  // --- the same as a table -------------------------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";

  function bar(part, whole) {
    const image = document.createElementNS(SVG, "svg");
    image.setAttribute("viewBox", "0 0 100 1");
    image.setAttribute("preserveAspectRatio", "none");
    image.setAttribute("aria-hidden", "true");
    const box = document.createElementNS(SVG, "rect");
    box.setAttribute("width", whole ? ((100 * part) / whole).toFixed(2) : 0);
    box.setAttribute("height", 1);
    image.append(box);
    return image;
  }

  function list() {
    const rows = ordered(state.here).map((branch) => {
      const [, keys, expiring, memory, disk] = branch.row;
      const row = make("tr");
      const head = make("th", undefined, "key");
      head.scope = "row";
      if (branch.parts.length) {
        const button = make("button", branch.name);
        button.type = "button";
        button.addEventListener("click", () => go(branch, null));
        head.append(button);
      } else head.textContent = branch.name;
      const bars = make("td", undefined, "bars");
      bars.append(bar(sized(branch), sized(state.here)));
      row.append(head, bars);
      for (const words of [`~${size(memory)}`, percent(memory, root.row[MEMORY]), size(disk), count(keys), count(keys - expiring)])
        row.append(make("td", words, "n"));
      return row;
    });
    find("list").querySelector("tbody").replaceChildren(...rows);
    find("list").querySelector("caption").textContent =
      `Prefixes of ${title(state.here)}, by ${measure().says}; the bar is the share of these`;
  }

  // --- all of it -----------------------------------------------------------------------------------------

  function crumbs() {
    const chain = [];
    for (let branch = state.here; branch; branch = branch.parent) chain.unshift(branch);
    find("crumbs").replaceChildren(...chain.map((branch) => {
      const item = make("li");
      const words = branch === root ? "all keys" : branch.name;
      if (branch === state.here) {
        item.textContent = words;
        item.setAttribute("aria-current", "location");
      } else {
        const button = make("button", words);
        button.type = "button";
        button.addEventListener("click", () => go(branch, null));
        item.append(button);
      }
      return item;
    }));
  }

  function legend() {
    const place = find("legend");
    place.hidden = state.colour !== "never" || state.picture === "list";
    place.replaceChildren(make("span", "keys that never expire:"), ...SHARES.map((colour, at) => {
      const item = make("span");
      const swatch = make("i");
      swatch.style.background = colour;
      const step = 100 / SHARES.length;
      item.append(swatch, `${at * step} to ${(at + 1) * step}%`);
      return item;
    }));
  }

  function draw({ paper } = {}) {
    const drawn = state.picture === "list" ? "map" : state.picture; // a printed page has both
    tiles = new Map();
    picture.replaceChildren();
    picture.className = `picture ${drawn}`;
    picture.style.height = "";
    picture.setAttribute("aria-label",
      `${drawn === "map" ? "Treemap" : "Flame view"} of ${title(state.here)} by ${measure().says}. ` +
      "Arrow keys move, Enter opens, Backspace goes back.");
    find("list").hidden = state.picture !== "list";
    for (const id of ["picture", "detail"]) find(id).hidden = state.picture === "list";
    const room = paper || { width: picture.clientWidth || 900, height: picture.clientHeight || 460 };
    if (drawn === "map") map(room); else flame(room.width);
    list();
    crumbs();
    legend();
    tell(state.here);
    reach(ordered(state.here).find((branch) => tiles.has(branch)) || [...tiles.keys()][0]);
  }

  function go(branch, to) {
    const was_inside = picture.contains(document.activeElement);
    const was_named = find("crumbs").contains(document.activeElement) || find("list").contains(document.activeElement);
    state.here = branch;
    draw();
    find("told").textContent = said(branch);
    if (was_inside) (tiles.get(to) || picture.querySelector("[tabindex='0']") || picture).focus();
    else if (was_named) find("crumbs").focus();
  }

  for (const button of document.querySelectorAll("[data-set]")) {
    button.addEventListener("click", () => {
      const [what, value] = button.dataset.set.split("=");
      state[what] = value;
      for (const other of button.parentElement.querySelectorAll("button"))
        other.setAttribute("aria-pressed", String(other === button));
      draw();
    });
  }

  // --- tables ----------------------------------------------------------------------------------------------

  function worth(cell) {
    return cell.dataset.value === undefined ? cell.textContent.toLowerCase() : Number(cell.dataset.value);
  }

  function sort(table, at, head) {
    const down = head.getAttribute("aria-sort") !== "descending";
    const cells = [...table.tBodies[0].rows].map((row) => [worth(row.cells[at]), row]);
    cells.sort(([one], [two]) => (one < two ? -1 : one > two ? 1 : 0) * (down ? -1 : 1));
    table.tBodies[0].append(...cells.map(([, row]) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    if (table.id === "biggest") look();
  }

  for (const table of document.querySelectorAll("table[data-sorts]")) {
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      if (!head.textContent) return; // bars are sorted by their numbers
      const button = make("button", head.textContent);
      button.type = "button";
      button.addEventListener("click", () => sort(table, at, head));
      head.replaceChildren(button);
    });
  }

  // Of the biggest keys some are seen at first; the search looks through all of them.
  const AT_FIRST = 25;
  const search = find("search"), every = find("every");
  let seen = AT_FIRST;

  function look() {
    const rows = [...find("biggest").tBodies[0].rows];
    const wanted = search.value.toLowerCase();
    const found = rows.filter((row) => row.textContent.toLowerCase().includes(wanted));
    const shown = new Set(found.slice(0, seen));
    for (const row of rows) row.hidden = !shown.has(row);
    find("found").textContent = wanted ? `${count(found.length)} of ${plural(rows.length, "key")}` : plural(rows.length, "key");
    every.hidden = found.length <= seen;
    every.textContent = `Show all ${count(found.length)}`;
  }

  search.addEventListener("input", look);
  every.addEventListener("click", () => { seen = Infinity; look(); find("biggest").parentElement.focus(); });

  // --- light and dark -----------------------------------------------------------------------------------------

  const THEMES = ["auto", "light", "dark"];
  const stored = {
    get: () => { try { return localStorage.getItem("rdbcodec-theme"); } catch { return null; } }, // a page in a sandbox has no storage
    set: (value) => { try { localStorage.setItem("rdbcodec-theme", value); } catch { /* as above */ } },
  };
  const theme = find("theme");

  function dress(name) {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    theme.textContent = `Theme: ${name}`;
    theme.dataset.theme = name;
  }

  theme.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(theme.dataset.theme) + 1) % THEMES.length];
    dress(next);
    stored.set(next);
  });
  find("print").addEventListener("click", () => print());

  document.documentElement.classList.add("js");
  look();
  dress(THEMES.includes(stored.get()) ? stored.get() : "auto");
  draw();
  let width = picture.clientWidth;
  addEventListener("resize", () => {
    if (picture.clientWidth && picture.clientWidth !== width) { width = picture.clientWidth; draw(); }
  });
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    draw({ paper: ON_PAPER });
  });
  addEventListener("afterprint", () => draw());
})();
