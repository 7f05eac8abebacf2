// The frame of a page beside the timeline: its title, and its content once it is loaded.

import { el, fill } from "./dom.js";
import { clean } from "./text.js";

/**
 * A page whose content comes from requests.
 * @template T
 * @param {string} title
 * @param {Promise<T>} promise
 * @param {(answer: T) => (Node | string | null)[]} content
 * @returns {HTMLElement}
 */
export function subpage(title, promise, content) {
  const head = el("h1", {}, el("bdi", { text: clean(title) }));
  const page = el(
    "div",
    { class: "subpage", tabindex: "-1" },
    head,
    el("p", { class: "empty", text: "loading …" }),
  );
  promise.then(
    (answer) => fill(page, head, ...content(answer)),
    (error) =>
      fill(
        page,
        head,
        el("p", { class: "empty", text: error instanceof Error ? clean(error.message) : "failed" }),
      ),
  );
  return page;
}

/**
 * What is missing, and the command or code that captures it.
 * @param {string} text
 * @param {string} [how]
 */
export function missing(text, how) {
  return el("div", { class: "empty" }, el("p", { text }), how ? el("code", { text: how }) : null);
}

/**
 * Terms with their values beside each other; those without a value are left out.
 * @param {[string, Node | string | null][]} facts
 */
export function factList(facts) {
  const list = el("dl", { class: "facts" });
  for (const [term, value] of facts) {
    if (value === null || value === "") continue;
    list.append(el("div", {}, el("dt", { text: term }), el("dd", {}, value)));
  }
  return list;
}
