// Colours for canvases, read from the style sheet so that they are written once, and the choice
// of light or dark.

/**
 * @typedef {object} Palette
 * @property {string} text
 * @property {string} faint
 * @property {string} line
 * @property {string} background
 * @property {string} lane background of odd lanes
 * @property {string} accent
 * @property {string} pause
 * @property {string} heap
 * @property {string} goal
 * @property {string[]} states by state number
 * @property {string[]} waits by family of reasons
 * @property {string[]} running shades of running, by group
 * @property {string} onState text on a state's colour
 * @property {string[]} flame
 */

const KEY = "gotrace-theme";

/** @type {Palette | null} */
let cached = null;

/** @type {(() => void)[]} */
const themeListeners = [];

/** The colours of the theme in use. @returns {Palette} */
export function palette() {
  if (cached) return cached;
  const style = getComputedStyle(document.documentElement);
  const read = (/** @type {string} */ key) => style.getPropertyValue(`--${key}`).trim();
  cached = {
    text: read("text"),
    faint: read("faint"),
    line: read("line"),
    background: read("background"),
    lane: read("lane"),
    accent: read("accent"),
    pause: read("pause"),
    heap: read("heap"),
    goal: read("goal"),
    states: ["", read("runnable"), read("running"), read("waiting"), read("syscall"), read("gc")],
    waits: [0, 1, 2, 3, 4, 5].map((family) => read(`wait-${family}`)),
    running: [0, 1, 2, 3].map((shade) => read(`running-${shade}`)),
    onState: read("on-state"),
    flame: [0, 1, 2, 3, 4, 5].map((shade) => read(`flame-${shade}`)),
  };
  return cached;
}

/**
 * Calls a function whenever the colours change.
 * @param {() => void} listener
 */
export function onTheme(listener) {
  themeListeners.push(listener);
}

/** Applies the stored choice, or the system's and follows it. */
export function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = stored() ?? (system.matches ? "dark" : "light");
    cached = null;
    for (const listener of themeListeners) listener();
  };
  apply();
  system.addEventListener("change", apply);
}

/** Switches between light and dark. */
export function toggleTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // A page from file:// may have no storage: the choice then lasts as long as the page.
  }
  cached = null;
  for (const listener of themeListeners) listener();
}

function stored() {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}

/**
 * Red, green and blue of a colour "#rrggbb".
 * @param {string} colour
 * @returns {[number, number, number]}
 */
export function channels(colour) {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
