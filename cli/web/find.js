// Finds goroutines, functions, labels, tasks, log messages and reasons; steps through the hits.

import { button, el } from "./dom.js";
import { count, plural, moment } from "./format.js";
import { go, onPlace, place } from "./place.js";
import { table } from "./table.js";
import { clean } from "./text.js";

/** Typing rests this long before the search starts. */
const TYPING_MS = 180;

/** Hits asked for. */
const LIMIT = 200;

/** @type {Search} */
const search = { text: "", hits: [], total: 0, index: -1, loading: false, listeners: [] };

/**
 * The box in the header.
 * @param {App} app
 * @returns {{ element: HTMLElement, input: HTMLInputElement }}
 */
export function findBox(app) {
  const input = /** @type {HTMLInputElement} */ (
    el("input", {
      type: "search",
      placeholder: "Find  /",
      "aria-label": "Find a goroutine, function, label, task, log message or reason",
      spellcheck: "false",
      autocomplete: "off",
    })
  );
  const state = el("span", { class: "faint hits", "aria-live": "polite" });
  const step = (
    /** @type {string} */ text,
    /** @type {number} */ by,
    /** @type {string} */ label,
  ) => button(text, () => stepHit(app, by), { class: "quiet", "aria-label": label, title: label });
  const [before, after] = [step("‹", -1, "Previous hit (Shift+N)"), step("›", 1, "Next hit (N)")];
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => go({ find: input.value.trim(), tab: input.value.trim() ? "hits" : place().tab }),
      TYPING_MS,
    );
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      clearTimeout(timer);
      go({ find: input.value.trim(), tab: "hits" });
      stepHit(app, event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      input.value = "";
      go({ find: "" });
      input.blur();
    }
    event.stopPropagation();
  });
  const show = () => {
    const { text, total, index, loading } = search;
    if (document.activeElement !== input) input.value = place().find;
    state.textContent = !text
      ? ""
      : loading
        ? "…"
        : total === 0
          ? "no hit"
          : index < 0
            ? plural(total, "hit")
            : `${count(index + 1)} of ${count(total)}`;
    before.hidden = after.hidden = search.hits.length === 0;
  };
  search.listeners.push(show);
  onPlace((now) => {
    if (now.find !== search.text) load(app, now.find);
  });
  load(app, place().find);
  return {
    element: el("div", { class: "find", role: "search" }, input, state, before, after),
    input,
  };
}

/**
 * @param {App} app
 * @param {string} text
 */
async function load(app, text) {
  Object.assign(search, { text, hits: [], total: 0, index: -1, loading: text !== "" });
  tellHits();
  if (!text) return;
  try {
    /** @type {FindAnswer} */
    const answer = await app.provider.json("find", { q: text, limit: LIMIT });
    if (search.text === text) Object.assign(search, { hits: answer.hits, total: answer.total });
  } catch (error) {
    app.complain(error);
  }
  if (search.text === text) search.loading = false;
  tellHits();
}

function tellHits() {
  for (const listener of search.listeners) listener();
}

/** Times of the hits, for marks on the axis. @returns {number[]} */
export function hitTimes() {
  return search.hits.flatMap((hit) => hit.start_ns ?? []);
}

/**
 * Calls a function when the hits change.
 * @param {() => void} listener
 */
export function onHits(listener) {
  search.listeners.push(listener);
}

/**
 * Goes to the next or previous hit.
 * @param {App} app
 * @param {number} by
 */
export function stepHit(app, by) {
  const { hits } = search;
  if (hits.length === 0) return;
  search.index =
    search.index < 0
      ? by > 0
        ? 0
        : hits.length - 1
      : (search.index + by + hits.length) % hits.length;
  const hit = hits[search.index];
  if (hit) showHit(app, hit);
  tellHits();
}

/**
 * Shows a hit on the timeline.
 * @param {App} app
 * @param {Hit} hit
 */
function showHit(app, hit) {
  app.announce(`${hit.kind} ${clean(hit.text, 80)}`);
  if (place().page !== "timeline") go({ page: "timeline" }, { push: true });
  if (
    hit.start_ns !== null &&
    hit.end_ns !== null &&
    hit.end_ns > hit.start_ns &&
    hit.goroutine === null
  ) {
    go({ range: [hit.start_ns, hit.end_ns] });
    app.view.fly(
      hit.start_ns - (hit.end_ns - hit.start_ns),
      hit.end_ns + (hit.end_ns - hit.start_ns),
    );
  } else if (hit.goroutine !== null) {
    app.selection.select(`goroutine:${hit.goroutine}`, hit.start_ns ?? app.view.start);
  } else if (hit.group !== null) {
    if (!place().open.includes(hit.group)) go({ open: [...place().open, hit.group] });
    app.showRow(`group:${hit.group}`);
  } else if (hit.kind === "reason") {
    go({ tab: "table", of: "waiting" });
  }
}

/**
 * The hits as a table, for the tab.
 * @param {App} app
 */
export function hitsTable(app) {
  const holder = el("div", {});
  const draw = () => {
    const text = search.loading
      ? "searching …"
      : search.text
        ? `Nothing has “${clean(search.text, 60)}” in its name, function, label or message.`
        : "Type / to find a goroutine, function, label, task, log message or reason to wait.";
    const rows = table(
      [
        { title: "kind", value: (hit) => hit.kind },
        {
          title: "what",
          value: (hit) => hit.text,
          cell: (hit) => el("bdi", { text: clean(hit.text) }),
        },
        {
          title: "goroutine",
          number: true,
          value: (hit) => hit.goroutine,
          cell: (hit) => (hit.goroutine === null ? "–" : `G ${hit.goroutine}`),
        },
        {
          title: "at",
          number: true,
          value: (hit) => hit.start_ns,
          cell: (hit) => (hit.start_ns === null ? "–" : moment(app.trace, hit.start_ns)),
        },
      ],
      search.hits,
      {
        label: "Search hits",
        empty: text,
        marked: (hit) => hit === search.hits[search.index],
        onrow: (hit) => {
          search.index = search.hits.indexOf(hit);
          showHit(app, hit);
          tellHits();
        },
      },
    );
    holder.replaceChildren(rows);
  };
  const listener = () => {
    if (holder.isConnected) draw();
  };
  search.listeners = search.listeners.filter((other) => other !== shownTable);
  shownTable = listener;
  search.listeners.push(listener);
  draw();
  return holder;
}

/** The listener of the table that is shown. @type {(() => void) | null} */
let shownTable = null;
