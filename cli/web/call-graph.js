// A call graph around one function: its callers above, its callees below, with what flows along
// each edge. A click moves to another function.

import { el, fill } from "./dom.js";
import { inUnit, percent } from "./format.js";
import { barCell, table } from "./table.js";
import { clean, shortFunction } from "./text.js";

/**
 * @param {ProfileAnswer} profile
 * @returns {HTMLElement}
 */
export function callGraph(profile) {
  const graph = profile.graph;
  if (!graph || graph.nodes.length === 0)
    return el("p", { class: "empty", text: "The profile has no call graph." });
  const holder = el("div", { class: "callgraph" });
  const heaviest = graph.nodes.reduce(
    (best, node, index) => ((node.flat ?? 0) > (graph.nodes[best]?.flat ?? 0) ? index : best),
    0,
  );

  /** @param {number} centre */
  const show = (centre) => {
    const node = graph.nodes[centre];
    if (!node) return;
    const side = (
      /** @type {"from" | "to"} */ from,
      /** @type {"from" | "to"} */ to,
      /** @type {string} */ title,
    ) => {
      const edges = graph.edges.filter((edge) => edge[from] === centre);
      return el(
        "section",
        {},
        el("h3", { text: title }),
        table(
          [
            {
              title: "value",
              number: true,
              value: (edge) => edge.value,
              cell: (edge) => inUnit(edge.value, profile.unit),
            },
            {
              title: "share",
              number: true,
              value: (edge) => edge.value,
              cell: (edge) =>
                barCell(
                  edge.value / Math.max(1, node.cum),
                  percent(edge.value / Math.max(1, node.cum)),
                ),
            },
            {
              title: "function",
              value: (edge) => graph.nodes[edge[to]]?.name ?? "",
              cell: (edge) => el("bdi", { text: clean(graph.nodes[edge[to]]?.name ?? "") }),
            },
          ],
          edges,
          {
            label: title,
            sort: 0,
            onrow: (edge) => show(edge[to]),
            empty: from === "to" ? "nothing: it is where stacks begin" : "nothing",
          },
        ),
      );
    };
    fill(
      holder,
      side("to", "from", "Called by"),
      el(
        "div",
        { class: "centre" },
        el("bdi", {
          class: "name",
          text: clean(shortFunction(node.name)),
          title: clean(node.name),
        }),
        el("span", {
          text: `itself ${inUnit(node.flat, profile.unit)} (${percent(node.flat / profile.total)})`,
        }),
        el("span", {
          text: `with callees ${inUnit(node.cum, profile.unit)} (${percent(node.cum / profile.total)})`,
        }),
      ),
      side("from", "to", "Calls"),
    );
  };
  show(heaviest);
  const list = el(
    "section",
    {},
    el("h3", { text: "All functions" }),
    table(
      [
        {
          title: "itself",
          number: true,
          value: (node) => node.flat,
          cell: (node) => inUnit(node.flat, profile.unit),
        },
        {
          title: "with callees",
          number: true,
          value: (node) => node.cum,
          cell: (node) => inUnit(node.cum, profile.unit),
        },
        {
          title: "function",
          value: (node) => node.name,
          cell: (node) => el("bdi", { text: clean(node.name) }),
        },
      ],
      graph.nodes,
      { label: "All functions", sort: 0, onrow: (node) => show(graph.nodes.indexOf(node)) },
    ),
  );
  return el("div", { class: "columns" }, list, holder);
}
