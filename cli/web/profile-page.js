// The page of the pprof profiles: table, flame graph and call graph of one of them.

import { callGraph } from "./call-graph.js";
import { button, el } from "./dom.js";
import { inUnit } from "./format.js";
import { FlameGraph } from "./flame.js";
import { go, place } from "./place.js";
import { profileTable } from "./profile-tab.js";
import { missing, subpage } from "./subpage.js";
import { clean } from "./text.js";

/** @param {App} app */
export function profilePage(app) {
  const profiles = app.session.profiles ?? [];
  const profile = profiles.find(({ id }) => id === place().id) ?? profiles[0];
  if (!profile) {
    return subpage("Profiles", Promise.resolve(null), () => [
      missing(
        "There is no profile here. Give pprof profiles together with the trace:",
        "gotrace view trace.out heap.pb.gz cpu.pb.gz",
      ),
    ]);
  }
  const type = profile.types.includes(place().type ?? "") ? (place().type ?? "") : profile.default;
  const load = app.provider.json("pprof", { id: profile.id, type });
  return subpage(profile.name, load, (/** @type {ProfileAnswer} */ answer) => {
    const body = el("div", {});
    const views = /** @type {[string, string][]} */ ([
      ["flame", "Flame graph"],
      ["table", "Table"],
      ["graph", "Call graph"],
    ]);
    const tabs = el("div", { class: "tabs", role: "tablist" });
    const show = (/** @type {string} */ view) => {
      tabs.replaceChildren(
        ...views.map(([key, text]) =>
          button(text, () => show(key), { role: "tab", "aria-selected": String(key === view) }),
        ),
      );
      body.replaceChildren(
        view === "table"
          ? profileTable(answer)
          : view === "graph"
            ? callGraph(answer)
            : new FlameGraph(answer).element,
      );
    };
    show("flame");
    return [
      el(
        "div",
        { class: "pickers" },
        profiles.length > 1 ? profileSelect(profiles, profile.id) : null,
        typeSelect(profile.types, type),
        el("b", { text: inUnit(answer.total, answer.unit) }),
        el("span", { class: "faint", text: "in all" }),
      ),
      answer.total === 0
        ? el("p", { class: "empty", text: "The profile has no samples of this type." })
        : el("div", { class: "tabbar" }, tabs),
      answer.total === 0 ? null : body,
    ];
  });
}

/**
 * @param {{ id: number, name: string }[]} profiles
 * @param {number} id
 */
function profileSelect(profiles, id) {
  const select = /** @type {HTMLSelectElement} */ (el("select", { "aria-label": "Profile" }));
  for (const profile of profiles)
    select.append(el("option", { value: String(profile.id), text: clean(profile.name, 80) }));
  select.value = String(id);
  select.addEventListener("change", () =>
    go({ id: Number(select.value), type: null }, { push: true }),
  );
  return select;
}

/**
 * @param {string[]} types
 * @param {string} type
 */
function typeSelect(types, type) {
  const select = /** @type {HTMLSelectElement} */ (
    el("select", { "aria-label": "Type of sample" })
  );
  for (const name of types) select.append(el("option", { value: name, text: clean(name, 60) }));
  select.value = type;
  select.addEventListener("change", () => go({ type: select.value }));
  return select;
}
