// Where time went in a range: the functions as a table or a flame graph.

import { el } from "./dom.js";
import { count, duration, inUnit, percent } from "./format.js";
import { FlameGraph } from "./flame.js";
import { FrameStrip } from "./frame-strip.js";
import { go, place } from "./place.js";
import { barCell, table } from "./table.js";
import { clean } from "./text.js";

/** What time is counted. */
const KINDS = [
  { key: "running", text: "running (on CPU)" },
  { key: "runnable", text: "runnable (scheduler latency)" },
  { key: "waiting", text: "waiting (blocked)" },
  { key: "network", text: "waiting for the network" },
  { key: "syscall", text: "in system calls" },
];

export class ProfileTab {
  /**
   * @param {App} app
   * @param {() => void} redraw
   */
  constructor(app, redraw) {
    this.app = app;
    this.redraw = redraw;
    this.reason = "";
    /** Whether goroutines of the runtime count. */
    this.runtime = false;
  }

  /**
   * @param {{ start?: number, end?: number }} range
   * @returns {Promise<ProfileAnswer>}
   */
  load(range) {
    const { of } = place();
    return this.app.provider.json("profile", {
      ...range,
      of,
      reason: of === "waiting" && this.reason ? this.reason : undefined,
      runtime: this.runtime ? undefined : "false",
    });
  }

  /**
   * @param {ProfileAnswer} answer
   * @param {{ start?: number, end?: number }} range
   * @returns {(Node | null)[]}
   */
  show(answer, range) {
    const head = el(
      "p",
      { class: "total" },
      this.kindSelect(),
      answer.total > 0 ? el("b", { text: inUnit(answer.total, answer.unit) }) : null,
      answer.total > 0 ? ` in ${count(answer.count)} spans` : null,
      this.reasonSelect(answer),
      this.runtimeBox(),
    );
    if (answer.total === 0) {
      const kind = KINDS.find(({ key }) => key === place().of)?.text ?? place().of;
      return [head, el("p", { class: "empty", text: `No goroutine was ${kind} in this range.` })];
    }
    if (place().tab === "table") return [head, profileTable(answer)];
    const strip = new FrameStrip(this.app, answer, range);
    const graph = new FlameGraph(answer, (frame) => strip.follow(frame));
    return [head, strip.element, graph.element];
  }

  kindSelect() {
    const select = /** @type {HTMLSelectElement} */ (
      el("select", { "aria-label": "What is counted" })
    );
    for (const { key, text } of KINDS) select.append(el("option", { value: key, text }));
    select.value = place().of;
    select.addEventListener("change", () => {
      this.reason = "";
      go({ of: select.value });
    });
    return select;
  }

  /** @param {ProfileAnswer} answer */
  reasonSelect(answer) {
    if (place().of !== "waiting" || !answer.reasons || answer.reasons.length === 0) return null;
    const select = /** @type {HTMLSelectElement} */ (el("select", { "aria-label": "Reason" }));
    select.append(el("option", { value: "", text: "all reasons" }));
    for (const { reason, total_ns: total } of answer.reasons) {
      select.append(el("option", { value: reason, text: `${clean(reason)} ${duration(total)}` }));
    }
    select.value = this.reason;
    select.addEventListener("change", () => {
      this.reason = select.value;
      this.redraw();
    });
    return select;
  }

  runtimeBox() {
    const box = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox" }));
    box.checked = this.runtime;
    box.addEventListener("change", () => {
      this.runtime = box.checked;
      this.redraw();
    });
    return el("label", { class: "faint" }, box, " with the runtime's goroutines");
  }
}

/**
 * The functions of a profile by their own and their whole time.
 * @param {ProfileAnswer} answer
 */
export function profileTable(answer) {
  const { total, unit, frames } = answer;
  const share = (/** @type {"self" | "total"} */ key) => ({
    title: "share",
    number: true,
    value: (/** @type {{ self: number, total: number }} */ row) => row[key],
    cell: (/** @type {{ self: number, total: number }} */ row) =>
      barCell(row[key] / total, percent(row[key] / total)),
  });
  return table(
    [
      {
        title: "itself",
        number: true,
        value: (row) => row.self,
        cell: (row) => inUnit(row.self, unit),
      },
      share("self"),
      {
        title: "with callees",
        number: true,
        value: (row) => row.total,
        cell: (row) => inUnit(row.total, unit),
      },
      share("total"),
      {
        title: "function",
        value: (row) => frames[row.frame] ?? "",
        cell: (row) => el("bdi", { text: clean(frames[row.frame] ?? "") }),
      },
    ],
    answer.table,
    { label: "Functions", sort: 0 },
  );
}
