// The tabs beside the selected span: longest waits, table and flame graph of the selected range
// (or, without one, of what is in view), the chain of wakers, and search hits.

import { button, el, fill } from "./dom.js";
import { duration, moment } from "./format.js";
import { hitsTable } from "./find.js";
import { go, onPlace, place } from "./place.js";
import { ProfileTab } from "./profile-tab.js";
import { goroutineText, placeOf, stateText, wakerText } from "./span-panel.js";
import { table } from "./table.js";
import { clean } from "./text.js";

const TABS = [
  { key: "waits", text: "Longest waits" },
  { key: "table", text: "Table" },
  { key: "flame", text: "Flame graph" },
  { key: "chain", text: "Wakers" },
  { key: "hits", text: "Hits" },
];

/** Without a selected range, the panel follows the view after it rests this long. */
const FOLLOW_MS = 350;

/** Waits asked for. */
const WAITS = 50;

export class RangePanel {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.profile = new ProfileTab(app, () => this.draw());
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

  /**
   * The range that is shown; empty for the whole trace.
   * @returns {{ start?: number, end?: number }}
   */
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
    else {
      const range = this.range();
      this.loaded(this.profile.load(range), (answer) => this.profile.show(answer, range));
    }
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
