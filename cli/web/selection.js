// The selected span: loads it, steps through spans, and follows wakers forth and back.

import { duration } from "./format.js";
import { go, onPlace, parseSelection, place } from "./place.js";

/** Goroutines of the chain of wakers that get a lane. */
const LANES = 5;

export class Selection {
  /** @param {Provider} provider */
  constructor(provider) {
    this.provider = provider;
    /** @type {Selected | null} */
    this.selected = null;
    /** @type {SpanAnswer | null} */
    this.answer = null;
    /** @type {unknown} */
    this.error = null;
    this.loading = false;
    /**
     * What the timeline does once the span is loaded: it zooms until the span can be seen, only
     * moves, or stays.
     * @type {"zoom" | "scroll" | "stay"}
     */
    this.reveal = place().start === null ? "zoom" : "scroll";
    /** @type {string[]} selections that Backspace returns to */
    this.trail = [];
    /** @type {(() => void)[]} */
    this.listeners = [];
    onPlace((now, before) => {
      if (now.select !== before.select) this.load();
    });
  }

  /** @param {() => void} listener */
  listen(listener) {
    this.listeners.push(listener);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  /** Loads the span that the address names. */
  async load() {
    const wanted = place().select;
    this.selected = parseSelection(wanted);
    this.error = null;
    if (
      !this.selected ||
      this.selected.lane.startsWith("task:") ||
      this.selected.lane.startsWith("region:")
    ) {
      this.answer = null;
      this.loading = false;
      this.tell();
      return;
    }
    this.loading = true;
    this.tell();
    const { lane, at } = this.selected;
    const [kind = "", id = ""] = lane.split(":");
    try {
      const answer = await this.provider.json("span", { [kind]: id, at });
      if (place().select !== wanted) return;
      this.answer = answer;
    } catch (error) {
      if (place().select !== wanted) return;
      this.answer = null;
      this.error = error;
    }
    this.loading = false;
    this.tell();
  }

  /**
   * Selects the span of a lane at a time.
   * @param {string} lane
   * @param {number} at
   * @param {"zoom" | "scroll" | "stay"} reveal
   */
  select(lane, at, reveal = "zoom") {
    this.reveal = reveal;
    const next = `${lane}@${Math.floor(at)}`;
    const now = place().select;
    if (now && now !== next) this.trail.push(now);
    if (this.trail.length > 200) this.trail.shift();
    go({ select: next }, { push: true });
  }

  clear() {
    go({ select: null, range: null });
  }

  /** Selects the goroutine that woke the selected one, at that time. */
  follow() {
    const span = this.answer?.span;
    const waker = span?.woken_by;
    if (span && waker && waker.goroutine !== null)
      this.select(`goroutine:${waker.goroutine}`, (span.woken_ns ?? span.end_ns) - 1);
  }

  /** Returns to the selection before. */
  back() {
    const before = this.trail.pop();
    if (!before) return;
    this.reveal = "zoom";
    go({ select: before });
  }

  /**
   * Selects the span of the same goroutine before or after.
   * @param {"next" | "previous"} to
   */
  step(to) {
    const span = this.answer?.[to];
    if (!span) return;
    this.reveal = "scroll";
    go({ select: `goroutine:${span.goroutine}@${span.start_ns}` });
  }

  /** Goroutines of the selected span and of the chain of its wakers. @returns {number[]} */
  goroutines() {
    if (!this.answer?.span) return [];
    const found = new Set([this.answer.span.goroutine]);
    for (const span of this.answer.chain) {
      found.add(span.goroutine);
      if (span.woken_by && span.woken_by.goroutine !== null) found.add(span.woken_by.goroutine);
    }
    return [...found].filter((goroutine) => goroutine > 0).slice(0, LANES);
  }

  /** One line about the span, for readers of the screen. */
  summary() {
    const span = this.answer?.span;
    if (!span) return "nothing selected";
    const what = span.reason ? `${span.state}, ${span.reason}` : span.state;
    return `G ${span.goroutine} ${span.function}: ${what} for ${duration(span.end_ns - span.start_ns)}`;
  }
}
