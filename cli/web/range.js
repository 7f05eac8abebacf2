// The range of time in view. Zooming and panning move it; whoever draws listens.

/** Narrowest view, in ns: a few ticks of the trace's clock. */
const NARROWEST_VIEW = 200;

export class View {
  /**
   * @param {number} first start of the trace
   * @param {number} last end of the trace
   */
  constructor(first, last) {
    this.first = first;
    this.last = Math.max(last, first + NARROWEST_VIEW);
    this.start = this.first;
    this.end = this.last;
    /** @type {(() => void)[]} */
    this.listeners = [];
    /** @type {number} */
    this.flight = 0;
  }

  get width() {
    return this.end - this.start;
  }

  /** @param {() => void} listener */
  listen(listener) {
    this.listeners.push(listener);
  }

  /**
   * Shows a range, kept inside the trace.
   * @param {number} start
   * @param {number} end
   */
  set(start, end) {
    const whole = this.last - this.first;
    const width = Math.min(whole, Math.max(NARROWEST_VIEW, end - start));
    const centre = (start + end) / 2;
    let from = centre - width / 2;
    from = Math.max(this.first, Math.min(from, this.last - width));
    if (from === this.start && from + width === this.end) return;
    this.start = from;
    this.end = from + width;
    for (const listener of this.listeners) listener();
  }

  /**
   * Zooms about a time, which keeps its place on the screen.
   * @param {number} at
   * @param {number} factor below 1 zooms in
   */
  zoom(at, factor) {
    const width = Math.min(this.last - this.first, Math.max(NARROWEST_VIEW, this.width * factor));
    const start = at - (at - this.start) * (width / this.width);
    this.stop();
    this.set(start, start + width);
  }

  /**
   * Moves by a share of the width.
   * @param {number} share
   */
  pan(share) {
    const by = this.width * share;
    const start = Math.max(this.first, Math.min(this.start + by, this.last - this.width));
    this.stop();
    this.set(start, start + this.width);
  }

  /** Ends a flight. */
  stop() {
    cancelAnimationFrame(this.flight);
    this.flight = 0;
  }

  /**
   * Moves to a range in a few frames, so that the eye can follow. Zooms on a logarithmic scale.
   * @param {number} start
   * @param {number} end
   */
  fly(start, end) {
    this.stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.set(start, end);
      return;
    }
    const from = { start: this.start, width: this.width };
    const width = Math.max(NARROWEST_VIEW, end - start);
    const began = performance.now();
    const step = () => {
      const linear = Math.min(1, (performance.now() - began) / 180);
      const eased = 1 - (1 - linear) ** 3;
      if (linear >= 1) {
        this.flight = 0;
        this.set(start, end);
        return;
      }
      const now = from.width * (width / from.width) ** eased;
      // The share of the change in width decides the place, so that a zoom keeps its fixed point.
      const share =
        Math.abs(width - from.width) < 1 ? eased : (now - from.width) / (width - from.width);
      const left = from.start + (start - from.start) * share;
      this.set(left, left + now);
      this.flight = requestAnimationFrame(step);
    };
    this.flight = requestAnimationFrame(step);
  }
}
