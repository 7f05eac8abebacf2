// The dialog of a report that lists what the report leaves out, and the command that shows it.

import { button, el } from "./dom.js";
import { clean } from "./text.js";

/**
 * The button that opens the dialog, or null if nothing is left out.
 * @param {Session} session
 */
export function leftOutButton(session) {
  const sentences = session.left_out ?? [];
  if (sentences.length === 0) return null;
  /** @type {HTMLDialogElement | null} */
  let dialog = null;
  const open = () => {
    dialog ??= leftOutDialog(sentences, session.command ?? "gotrace view FILE");
    dialog.showModal();
  };
  return button("report: an extract", open, { class: "quiet", title: "What is left out" });
}

/**
 * @param {string[]} sentences
 * @param {string} command
 */
function leftOutDialog(sentences, command) {
  const made = /** @type {HTMLDialogElement} */ (
    el(
      "dialog",
      { class: "help", "aria-label": "What this report leaves out" },
      el("h2", { text: "What this report leaves out" }),
      el(
        "ul",
        { class: "sentences" },
        ...sentences.map((text) => el("li", { text: clean(text, 300) })),
      ),
      el("p", { text: "All of it is in the files of the report:" }),
      el("code", { text: clean(command, 300) }),
    )
  );
  made.append(button("Close", () => made.close()));
  document.body.append(made);
  return made;
}
