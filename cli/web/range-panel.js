// The tabs beside the selected span: longest waits, table and flame graph of the selected range
// (or, without one, of what is in view), the chain of wakers, and search hits.

import { button, el, fill } from "./dom.js";
import { count, duration, inUnit, moment, percent } from "./format.js";
import { FlameGraph } from "./flame.js";
import { FrameStrip } from "./frame-strip.js";
import { hitsTable } from "./find.js";
import { go, onPlace, place } from "./place.js";
import { goroutineText, placeOf, stateText, wakerText } from "./span-panel.js";
import { barCell, table } from "./table.js";
import { clean } from "./text.js";

const TABS = [
  { key: "waits", text: "Longest waits" },
  { key: "table", text: "Table" },
  { key: "flame", text: "Flame graph" },
  { key: "chain", text: "Wakers" },
  { key: "hits", text: "Hits" },
];

/** What time is counted. */
const KINDS = [
  { key: "running", text: "running (on CPU)" },
  { key: "runnable", text: "runnable (scheduler latency)" },
  { key: "waiting", text: "waiting (blocked)" },
  { key: "network", text: "waiting for the network" },
  { key: "syscall", text: "in system calls" },
];

/** Without a selected range, the panel follows the view after it rests this long. */
const FOLLOW_MS = 350;

/** Waits asked for. */
const WAITS = 50;

export class RangePanel {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.reason = "";
    this.timer = 0;
    this.turn = 0;
    this.tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "About the range" });
    this.scope = el("div", { class: "scope" });
    this.body = el("div", { class: "tabbody", role: "tabpanel", tabindex: "0" });
    this.element = el(
      "section",
      { class: "about", "aria-label": "About the range" },
      el("div", { class: "tabbar" }, this.tabs, this.scope),
      this.body,
    );
    onPlace((now, before) => {
      const moved = now.range?.join() !== before.range?.join();
      if (
        now.tab !== before.tab ||
        now.of !== before.of ||
        (now.find !== before.find && now.tab === "hits")
      )
        this.draw();
      else if (moved) this.later();
    });
    app.view.listen(() => {
      if (!place().range) this.later();
    });
    app.selection.listen(() => {
      if (place().tab === "chain") this.draw();
    });
    this.drawTabs();
    fill(this.body, el("p", { class: "empty", text: "loading …" }));
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draw(), FOLLOW_MS);
  }

  /** The range that is shown; empty for the whole trace. @returns {{ start?: number, end?: number }} */
  range() {
    const { view } = this.app;
    const range = place().range;
    const [start, end] = range ?? [view.start, view.end];
    const whole = start <= view.first && end >= view.last;
    return whole ? {} : { start: Math.floor(start), end: Math.ceil(end) };
  }

  draw() {
    this.turn += 1;
    this.drawTabs();
    this.drawScope();
    const { tab } = place();
    if (tab === "chain") this.drawChain();
    else if (tab === "hits") fill(this.body, hitsTable(this.app));
    else if (tab === "waits")
      this.loaded(this.app.provider.json("waits", { ...this.range(), limit: WAITS }), (answer) =>
        this.waits(answer),
      );
    else
      this.loaded(
        this.app.provider.json("profile", {
          ...this.range(),
          of: place().of,
          reason: place().of === "waiting" && this.reason ? this.reason : undefined,
        }),
        (answer) => this.profile(answer),
      );
  }

  /**
   * Shows an answer once it is there, unless something else is shown by then.
   * @template T
   * @param {Promise<T>} promise
   * @param {(answer: T) => (Node | null)[]} show
   */
  async loaded(promise, show) {
    const turn = this.turn;
    this.body.classList.add("stale");
    try {
      const answer = await promise;
      if (turn === this.turn) fill(this.body, ...show(answer));
    } catch (error) {
      if (turn === this.turn)
        fill(
          this.body,
          el("p", {
            class: "empty",
            text: error instanceof Error ? clean(error.message) : "failed",
          }),
        );
    }
    if (turn === this.turn) this.body.classList.remove("stale");
  }

  drawTabs() {
    const now = place().tab;
    fill(
      this.tabs,
      ...TABS.map(({ key, text }) =>
        button(text, () => go({ tab: key }), { role: "tab", "aria-selected": String(key === now) }),
      ),
    );
  }

  drawScope() {
    const { range, tab } = place();
    const { view } = this.app;
    const [start, end] = range ?? [view.start, view.end];
    const text = range ? `selected ${duration(end - start)}` : `in view ${duration(end - start)}`;
    const parts = [el("span", { text })];
    if (range) {
      parts.push(
        button("zoom to it", () => view.fly(range[0], range[1]), { class: "quiet", title: "F" }),
      );
      parts.push(button("clear", () => go({ range: null }), { class: "quiet", title: "Esc" }));
    }
    fill(this.scope, ...parts);
    this.scope.hidden = tab === "chain" || tab === "hits";
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

  /** @param {{ waits: Span[] }} answer */
  waits(answer) {
    const { app } = this;
    return [
      table(
        [
          {
            title: "waited",
            number: true,
            value: (span) => span.end_ns - span.start_ns,
            cell: (span) => duration(span.end_ns - span.start_ns),
          },
          {
            title: "at",
            number: true,
            value: (span) => -span.start_ns,
            cell: (span) => moment(app.trace, span.start_ns),
          },
          {
            title: "for",
            value: (span) => span.reason ?? span.state,
            cell: (span) => clean(span.reason ?? span.state),
          },
          {
            title: "goroutine",
            value: (span) => span.function,
            cell: (span) => goroutineText(span.goroutine, span.function),
          },
          {
            title: "in",
            value: (span) => placeOf(span),
            cell: (span) => el("bdi", { text: clean(placeOf(span)) }),
          },
          {
            title: "woken by",
            value: wakerText,
            cell: (span) => el("bdi", { text: wakerText(span) }),
          },
        ],
        answer.waits,
        {
          label: "Longest waits",
          onrow: (span) => app.selection.select(`goroutine:${span.goroutine}`, span.start_ns),
          empty: "No goroutine of the program waited in this range.",
        },
      ),
    ];
  }

  /** @param {ProfileAnswer} answer */
  profile(answer) {
    if (answer.total === 0)
      return [
        el("p", { class: "total" }, this.kindSelect()),
        el("p", {
          class: "empty",
          text: `No goroutine was ${KINDS.find(({ key }) => key === place().of)?.text ?? place().of} in this range.`,
        }),
      ];
    const head = el(
      "p",
      { class: "total" },
      this.kindSelect(),
      el("b", { text: inUnit(answer.total, answer.unit) }),
      ` in ${count(answer.count)} spans`,
      this.reasonSelect(answer),
    );
    if (place().tab === "table") return [head, profileTable(answer)];
    const strip = new FrameStrip(this.app, answer, this.range());
    const graph = new FlameGraph(answer, (frame) => strip.follow(frame));
    return [head, strip.element, graph.element];
  }

  /** @param {ProfileAnswer} answer */
  reasonSelect(answer) {
    if (place().of !== "waiting" || !answer.reasons || answer.reasons.length === 0) return null;
    const select = /** @type {HTMLSelectElement} */ (el("select", { "aria-label": "Reason" }));
    select.append(el("option", { value: "", text: "all reasons" }));
    for (const { reason, total_ns: total } of answer.reasons)
      select.append(el("option", { value: reason, text: `${clean(reason)} ${duration(total)}` }));
    select.value = this.reason;
    select.addEventListener("change", () => {
      this.reason = select.value;
      this.draw();
    });
    return select;
  }

  drawChain() {
    const { app } = this;
    const answer = app.selection.answer;
    const chain = answer?.chain ?? [];
    if (chain.length === 0) {
      const text = answer?.span
        ? "Nobody woke this span: it did not wait, or its wake-up is not in the trace."
        : "Select a wait: the chain shows who woke it, who woke that goroutine, and so on.";
      fill(this.body, el("p", { class: "empty", text }));
      return;
    }
    const selected = answer?.span;
    fill(
      this.body,
      table(
        [
          {
            title: "step",
            number: true,
            value: (span) => -chain.indexOf(span),
            cell: (span) => String(chain.indexOf(span) + 1),
          },
          {
            title: "goroutine",
            value: (span) => span.goroutine,
            cell: (span) => goroutineText(span.goroutine, span.function),
          },
          {
            title: "state",
            value: (span) => span.reason ?? span.state,
            cell: (span) => clean(span.reason ?? stateText(span.state)),
          },
          {
            title: "for",
            number: true,
            value: (span) => span.end_ns - span.start_ns,
            cell: (span) => duration(span.end_ns - span.start_ns),
          },
          {
            title: "in",
            value: (span) => placeOf(span),
            cell: (span) => el("bdi", { text: clean(placeOf(span)) }),
          },
          {
            title: "woken by",
            value: wakerText,
            cell: (span) => el("bdi", { text: wakerText(span) }),
          },
        ],
        chain,
        {
          label: "Chain of wakers",
          onrow: (span) => app.selection.select(`goroutine:${span.goroutine}`, span.start_ns),
          marked: (span) =>
            span.goroutine === selected?.goroutine && span.start_ns === selected?.start_ns,
        },
      ),
    );
  }
}

/**
 * The functions of a profile by their own and their whole time.
 * @param {ProfileAnswer} answer
 */
export function profileTable(answer) {
  const { total, unit, frames } = answer;
  return table(
    [
      {
        title: "itself",
        number: true,
        value: (row) => row.self,
        cell: (row) => inUnit(row.self, unit),
      },
      {
        title: "share",
        number: true,
        value: (row) => row.self,
        cell: (row) => barCell(row.self / total, percent(row.self / total)),
      },
      {
        title: "with callees",
        number: true,
        value: (row) => row.total,
        cell: (row) => inUnit(row.total, unit),
      },
      {
        title: "share",
        number: true,
        value: (row) => row.total,
        cell: (row) => barCell(row.total / total, percent(row.total / total)),
      },
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
