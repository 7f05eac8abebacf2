// The dialog that lists the keys and explains colours and shapes.

import { button, el } from "./dom.js";

/** @type {[string, string][]} */
const KEYS = [
  ["W S, Ctrl+wheel", "zoom in and out at the pointer"],
  ["A D, Shift+wheel, drag", "move in time"],
  ["wheel", "scroll the lanes (zoom, on the strip and the axis)"],
  ["0", "show the whole trace"],
  ["Shift+drag, drag on the axis", "select a range of time"],
  ["click", "select a span, open a group"],
  ["← →", "previous and next span of the goroutine"],
  ["↑ ↓", "the lane above and below"],
  ["Enter", "follow the waker"],
  ["Backspace", "return to the selection before"],
  ["F", "zoom to the selection"],
  ["M", "select the range of the selected span"],
  ["/", "find"],
  ["N, Shift+N", "next and previous hit"],
  ["Esc", "clear the selection, close this"],
  ["?", "this list"],
];

/** @type {[string, string, string][]} */
const SHAPES = [
  ["running", "running", "solid; on lanes of Ps, shades are groups"],
  ["runnable", "runnable", "striped: ready, but no P has run it yet"],
  ["waiting", "waiting", "thin bar; shades are channels, locks, network, timers, GC, other"],
  [
    "syscall",
    "system call",
    "bar of half the height; a mark on top: one of 1 ms or more is in this pixel",
  ],
  ["gc", "GC work", "hollow bar"],
  ["pause", "stop-the-world", "line across all lanes"],
];

/** @type {HTMLDialogElement | null} */
let dialog = null;

/** Opens the dialog, or closes it. */
export function toggleHelp() {
  if (dialog?.open) {
    dialog.close();
    return;
  }
  dialog ??= makeDialog();
  dialog.showModal();
}

function makeDialog() {
  const keys = el("dl", { class: "keys" });
  for (const [key, text] of KEYS) keys.append(el("dt", { text: key }), el("dd", { text }));
  const shapes = el("ul", { class: "shapes" });
  for (const [kind, word, text] of SHAPES)
    shapes.append(
      el(
        "li",
        {},
        el("i", { class: `swatch ${kind}` }),
        el("b", { text: word }),
        el("span", { text }),
      ),
    );
  const made = /** @type {HTMLDialogElement} */ (
    el(
      "dialog",
      { class: "help", "aria-label": "Keys and colours" },
      el("h2", { text: "Keys" }),
      keys,
      el("h2", { text: "Colours and shapes" }),
      shapes,
    )
  );
  made.append(button("Close", () => made.close()));
  document.body.append(made);
  return made;
}
