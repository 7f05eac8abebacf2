// Where the reader is: page, range, selection and filters, kept in the fragment of the address so
// that each view can be reloaded, sent to someone, and left with the browser's Back.

/** @type {Place} */
const NOWHERE = {
  page: "timeline",
  start: null,
  end: null,
  range: null,
  select: null,
  open: [],
  sort: "running",
  tab: "waits",
  of: "running",
  id: null,
  type: null,
  find: "",
};

/** @type {Place} */
let current = { ...NOWHERE };

/** @type {((place: Place, before: Place) => void)[]} */
const placeListeners = [];

/** Where the reader is now. @returns {Place} */
export function place() {
  return current;
}

/**
 * Calls a function after each change.
 * @param {(place: Place, before: Place) => void} listener
 */
export function onPlace(listener) {
  placeListeners.push(listener);
}

/**
 * Goes elsewhere. With `push`, Back returns here.
 * @param {Partial<Place>} changes
 * @param {{ push?: boolean }} [options]
 */
export function go(changes, { push = false } = {}) {
  const before = current;
  const fragment = fragmentOf({ ...current, ...changes });
  if (fragment === fragmentOf(before)) return;
  current = parseFragment(fragment);
  if (push) history.pushState(null, "", fragment);
  else history.replaceState(null, "", fragment);
  tell(before);
}

/**
 * Address of the current place with some changes, for links.
 * @param {Partial<Place>} changes
 */
export function hrefOf(changes) {
  return fragmentOf({ ...current, ...changes });
}

/** Reads the address, now and whenever it changes. */
export function startPlace() {
  current = parseFragment(location.hash);
  const read = () => {
    const before = current;
    current = parseFragment(location.hash);
    if (fragmentOf(before) !== fragmentOf(current)) tell(before);
  };
  addEventListener("hashchange", read);
  addEventListener("popstate", read);
}

/** @param {Place} before */
function tell(before) {
  for (const listener of placeListeners) listener(current, before);
}

/**
 * @param {Place} of
 */
function fragmentOf(of) {
  /** @type {string[]} */
  const parts = [];
  const add = (/** @type {string} */ key, /** @type {string} */ value) => {
    parts.push(
      `${key}=${encodeURIComponent(value).replace(/%3A/g, ":").replace(/%2C/g, ",").replace(/%40/g, "@")}`,
    );
  };
  add("page", of.page);
  if (of.start !== null && of.end !== null) {
    add("start", String(Math.round(of.start)));
    add("end", String(Math.round(of.end)));
  }
  if (of.range) add("range", `${Math.round(of.range[0])}-${Math.round(of.range[1])}`);
  if (of.select) add("select", of.select);
  if (of.open.length > 0) add("open", of.open.join(","));
  if (of.sort !== NOWHERE.sort) add("sort", of.sort);
  if (of.tab !== NOWHERE.tab) add("tab", of.tab);
  if (of.of !== NOWHERE.of) add("of", of.of);
  if (of.id !== null) add("id", String(of.id));
  if (of.type) add("type", of.type);
  if (of.find) add("find", of.find);
  return `#${parts.join("&")}`;
}

/**
 * @param {string} fragment
 * @returns {Place}
 */
function parseFragment(fragment) {
  const values = new URLSearchParams(fragment.replace(/^#/, "").replace(/\+/g, "%2B"));
  const number = (/** @type {string | null | undefined} */ text) => {
    const value = text ? Number(text) : Number.NaN;
    return Number.isFinite(value) ? value : null;
  };
  const [from, to] = (values.get("range") ?? "").split("-").map(number);
  return {
    page: values.get("page") ?? NOWHERE.page,
    start: number(values.get("start")),
    end: number(values.get("end")),
    range:
      from !== null && to !== null && from !== undefined && to !== undefined && from < to
        ? [from, to]
        : null,
    select: values.get("select"),
    open: (values.get("open") ?? "")
      .split(",")
      .filter(Boolean)
      .map(Number)
      .filter(Number.isInteger),
    sort: values.get("sort") ?? NOWHERE.sort,
    tab: values.get("tab") ?? NOWHERE.tab,
    of: values.get("of") ?? NOWHERE.of,
    id: number(values.get("id")),
    type: values.get("type"),
    find: values.get("find") ?? "",
  };
}

/**
 * Parts of a selection such as "goroutine:5@1234".
 * @param {string | null} text
 * @returns {Selected | null}
 */
export function parseSelection(text) {
  const found = /^(goroutine:\d+|proc:\d+|thread:\d+|task:\d+|region:\d+)@(\d+)$/.exec(text ?? "");
  return found?.[1] && found[2] ? { lane: found[1], at: Number(found[2]) } : null;
}
