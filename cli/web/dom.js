// Builds elements. Text is always set as text, never as markup.

import { clean, cleanTitle } from "./text.js";

/**
 * Makes an element. A property that starts with "on" is a listener; "class" and "text" set the
 * class and the text; null and false leave an attribute out; all others are attributes.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {(Node | string | null | undefined | false)[]} children
 * @returns {HTMLElement}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") element.className = value;
    else if (key === "text") element.textContent = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child) element.append(child);
  }
  return element;
}

/**
 * A name from a trace, isolated so that right-to-left text does not move its neighbours.
 * @param {string} text
 * @param {string} [className]
 */
export function bdi(text, className = "name") {
  if (!text) return el("bdi", { class: "faint", text: "(no name)" });
  return el("bdi", { class: className, text: clean(text), title: cleanTitle(text) });
}

/**
 * A button.
 * @param {string} text
 * @param {(event: MouseEvent) => void} onclick
 * @param {Record<string, any>} [properties]
 */
export function button(text, onclick, properties = {}) {
  return el("button", { type: "button", text, onclick, ...properties });
}

/**
 * A link to another view of this page.
 * @param {string} fragment as `hrefOf` gives it
 * @param {string | Node} child
 * @param {Record<string, any>} [properties]
 */
export function link(fragment, child, properties = {}) {
  return el("a", { href: fragment, ...properties }, child);
}

/**
 * Replaces what an element holds.
 * @param {Element} element
 * @param {(Node | string | null | undefined | false)[]} children
 */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
}

/**
 * An element of SVG.
 * @param {string} tag
 * @param {Record<string, string | number | null | undefined>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, String(value));
  }
  element.append(...children);
  return element;
}
