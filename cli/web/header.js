// The bar at the top: what is open, the pages, the theme and the keys.

import { button, el, link } from "./dom.js";
import { count, duration, plural } from "./format.js";
import { toggleHelp } from "./help.js";
import { leftOutButton } from "./left-out.js";
import { hrefOf, onPlace, place } from "./place.js";
import { clean, cleanTitle } from "./text.js";
import { toggleTheme } from "./theme.js";

/**
 * @param {App} app
 * @param {HTMLElement} find
 */
export function header(app, find) {
  const { session } = app;
  const { trace } = session;
  const facts = trace
    ? [
        clean(trace.version, 20),
        duration(trace.end_ns - trace.start_ns),
        plural(trace.procs.length, "P"),
        plural(trace.goroutine_count, "goroutine"),
        `${count(trace.span_count)} spans`,
      ]
    : [session.files ? plural(session.files.length, "file") : ""];
  const title = el(
    "div",
    { class: "title" },
    el("b", { text: "gotrace" }),
    el("bdi", {
      class: "file",
      text: clean(session.title ?? "", 80),
      title: cleanTitle((session.files ?? []).map((file) => file.path).join("\n")),
    }),
    el("span", { class: "summary", text: facts.filter(Boolean).join(" · ") }),
  );
  const warnings = trace?.warnings ?? [];
  if (warnings.length > 0)
    title.append(
      el("span", {
        class: "warning",
        tabindex: "0",
        title: cleanTitle(warnings.join("\n")),
        text: `⚠ ${plural(warnings.length, "warning")}`,
      }),
    );
  const nav = el("nav", { "aria-label": "Pages" });
  const draw = () =>
    nav.replaceChildren(
      ...pagesOf(session).map(({ key, text }) => {
        const current =
          place().page === key ||
          (key === "goroutines" && (place().page === "group" || place().page === "goroutine"));
        return link(hrefOf({ page: key, id: null }), text, {
          "aria-current": current ? "page" : null,
        });
      }),
    );
  draw();
  onPlace(draw);
  return el(
    "header",
    { class: "top" },
    title,
    leftOutButton(session),
    trace ? find : null,
    nav,
    button("◐", toggleTheme, {
      class: "quiet",
      title: "Light or dark",
      "aria-label": "Light or dark",
    }),
    button("?", toggleHelp, {
      class: "quiet",
      title: "Keys (?)",
      "aria-label": "Keys and colours",
    }),
  );
}

/** @param {Session} session */
function pagesOf(session) {
  const pages = [];
  if (session.trace)
    pages.push(
      { key: "timeline", text: "Timeline" },
      { key: "goroutines", text: "Goroutines" },
      { key: "gc", text: "GC" },
      { key: "tasks", text: "Tasks" },
    );
  pages.push({ key: "leak", text: "Leak" });
  if ((session.profiles ?? []).length > 0) pages.push({ key: "profile", text: "Profiles" });
  return pages;
}
