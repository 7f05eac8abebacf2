// The panel of the selected span: what it is, why it waited, who woke it, whom it woke.

import { bdi, button, el, fill, link } from "./dom.js";
import { duration, relative, wall } from "./format.js";
import { hrefOf } from "./place.js";
import { stateNumber, STATES } from "./states.js";
import { clean, cleanTitle, shortFunction } from "./text.js";

/** Frames of a stack shown before "more". */
const FRAMES = 8;

export class SpanPanel {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.element = el("section", { class: "span", "aria-label": "Selected span" });
    app.selection.listen(() => this.draw());
    this.draw();
  }

  draw() {
    const { selection } = this.app;
    const span = selection.answer?.span;
    if (selection.error) {
      fill(
        this.element,
        el("p", {
          class: "error",
          text: selection.error instanceof Error ? clean(selection.error.message) : "not found",
        }),
      );
      return;
    }
    if (!span) {
      const text = selection.loading
        ? "loading …"
        : selection.selected
          ? "Nothing is known of this time on this lane."
          : "Click a span to see its stack, why it waited and who woke it. Shift and drag selects a range of time.";
      fill(this.element, el("p", { class: "empty", text }));
      return;
    }
    fill(
      this.element,
      this.head(span),
      this.facts(span),
      this.waker(span),
      stackList(span.stack, "Stack"),
      stackList(span.woken_by?.stack ?? [], "Stack of the waker"),
      this.woke(),
    );
  }

  /** @param {Span} span */
  head(span) {
    const { selection } = this.app;
    const state = STATES[stateNumber(span.state)] ?? "";
    return el(
      "header",
      {},
      el(
        "h2",
        {},
        el("i", { class: `swatch ${state}` }),
        el("span", { text: span.reason ? clean(span.reason) : stateText(span.state) }),
        el("b", { text: duration(span.end_ns - span.start_ns) }),
      ),
      el(
        "nav",
        { "aria-label": "Spans" },
        button("←", () => selection.step("previous"), {
          title: "Previous span of the goroutine (←)",
          "aria-label": "Previous span",
          disabled: !selection.answer?.previous,
        }),
        button("→", () => selection.step("next"), {
          title: "Next span of the goroutine (→)",
          "aria-label": "Next span",
          disabled: !selection.answer?.next,
        }),
        button("Follow waker", () => selection.follow(), {
          title: "Go to who woke it (Enter)",
          disabled: span.woken_by?.goroutine === undefined || span.woken_by.goroutine === null,
        }),
        button("Back", () => selection.back(), {
          title: "Return to the selection before (Backspace)",
          disabled: selection.trail.length === 0,
        }),
      ),
    );
  }

  /** @param {Span} span */
  facts(span) {
    const { trace } = this.app;
    const clock = wall(trace, span.start_ns);
    const step = Math.max(1, (span.end_ns - span.start_ns) / 1000);
    const facts = el("dl", {});
    const add = (/** @type {string} */ term, /** @type {Node | string | null} */ value) => {
      if (value) facts.append(el("dt", { text: term }), el("dd", {}, value));
    };
    add("goroutine", goroutineLink(span.goroutine, span.function));
    add("state", span.reason ? stateText(span.state) : null);
    add(
      "from",
      el("span", { text: relative(span.start_ns - trace.start_ns, step), title: clock ?? "" }),
    );
    add(
      "to",
      el("span", {
        text: `${relative(span.end_ns - trace.start_ns, step)}${span.open ? " (end of the trace)" : ""}`,
        title: wall(trace, span.end_ns) ?? "",
      }),
    );
    add("P", span.proc === null ? null : String(span.proc));
    add("thread", span.thread === null ? null : String(span.thread));
    return facts;
  }

  /** @param {Span} span */
  waker(span) {
    const waker = span.woken_by;
    if (!waker) return null;
    const at = span.woken_ns ?? span.end_ns;
    const after = relative(at - this.app.trace.start_ns, 1000);
    const who =
      waker.goroutine !== null
        ? goroutineButton(this.app, waker.goroutine, span.waker_function ?? "", at - 1)
        : bdi(waker.runtime ?? "unknown");
    return el("div", { class: "waker" }, el("h3", { text: `Woken at ${after} by` }), who);
  }

  woke() {
    const woke = this.app.selection.answer?.woke ?? [];
    if (woke.length === 0) return null;
    return el(
      "div",
      { class: "woke" },
      el("h3", { text: woke.length >= 20 ? "Woke (first 20)" : "Woke" }),
      el(
        "ul",
        {},
        ...woke.map((other) =>
          el(
            "li",
            {},
            goroutineButton(this.app, other.goroutine, other.function, other.at_ns + 1),
            el("span", {
              class: "faint",
              text: ` ${relative(other.at_ns - this.app.trace.start_ns, 1000)}`,
            }),
          ),
        ),
      ),
    );
  }
}

/** @param {string} state */
export function stateText(state) {
  return state === "syscall" ? "system call" : clean(state);
}

/**
 * A link to the page of a goroutine.
 * @param {number} goroutine
 * @param {string} of its function
 */
export function goroutineLink(goroutine, of) {
  return link(hrefOf({ page: "goroutine", id: goroutine }), goroutineText(goroutine, of));
}

/**
 * ID and function of a goroutine.
 * @param {number} goroutine
 * @param {string} of its function
 */
export function goroutineText(goroutine, of) {
  return el(
    "span",
    {},
    `G ${goroutine} `,
    el("bdi", { class: "name", text: clean(shortFunction(of)), title: cleanTitle(of) }),
  );
}

/**
 * A button that selects the span of a goroutine at a time.
 * @param {App} app
 * @param {number} goroutine
 * @param {string} of its function
 * @param {number} at
 */
function goroutineButton(app, goroutine, of, at) {
  return el(
    "button",
    {
      type: "button",
      class: "inline",
      onclick: () => app.selection.select(`goroutine:${goroutine}`, at),
    },
    goroutineText(goroutine, of),
  );
}

/**
 * @param {Frame[]} stack
 * @param {string} title
 * @returns {HTMLElement | null}
 */
export function stackList(stack, title) {
  if (!stack || stack.length === 0) return null;
  const lines = stack.map((frame) =>
    el(
      "li",
      {},
      el("bdi", {
        class: "function",
        text: clean(shortFunction(frame.function), 160),
        title: cleanTitle(frame.function),
      }),
      el("bdi", {
        class: "file",
        text: `${clean(frame.file.slice(frame.file.lastIndexOf("/") + 1), 80)}:${frame.line}`,
        title: cleanTitle(frame.file),
      }),
    ),
  );
  const list = el("ol", { class: "stack" }, ...lines.slice(0, FRAMES));
  if (lines.length > FRAMES) {
    const more = button(
      `${lines.length - FRAMES} more frames`,
      () => {
        list.append(...lines.slice(FRAMES));
        more.remove();
      },
      { class: "quiet" },
    );
    return el("div", { class: "stackbox" }, el("h3", { text: title }), list, more);
  }
  return el("div", { class: "stackbox" }, el("h3", { text: title }), list);
}

/**
 * The first function of a stack that is not of the runtime.
 * @param {Span} span
 */
export function placeOf(span) {
  const own = span.stack.find(({ function: of }) => !/^(runtime|sync|internal\/)[./]/.test(of));
  const frame = own ?? span.stack[0];
  return frame ? `${shortFunction(frame.function)}:${frame.line}` : "–";
}

/**
 * Who woke the goroutine at the end of a span, in one line.
 * @param {Span} span
 */
export function wakerText(span) {
  const waker = span.woken_by;
  if (!waker) return "–";
  if (waker.goroutine === null) return clean(waker.runtime ?? "unknown", 100);
  return `G ${waker.goroutine} ${clean(shortFunction(span.waker_function ?? ""), 100)}`;
}
