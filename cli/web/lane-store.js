// Loads lanes, and keeps a picture of each. While a new one is on its way, the last one is drawn
// stretched, so that zooming never shows an empty lane.

import { paintLane } from "./lane-paint.js";
import { palette } from "./theme.js";

/**
 * @typedef {object} Picture
 * @property {RunLane | GroupLane | null} lane null if there is no such lane
 * @property {number} start time of the first cell
 * @property {number} cell width of a cell, in ns
 * @property {number} cells
 * @property {number} askedStart
 * @property {number} askedEnd
 * @property {number} shift that the request implied
 * @property {HTMLCanvasElement | null} canvas one pixel a cell
 * @property {string} painted what the canvas was painted for
 * @property {number} scale of a group: goroutines at full height
 * @property {number} used order of use
 */

/** Pictures kept. */
const KEPT = 1500;

/** Lanes in one request. */
const BATCH = 80;

/** Part of the view that is loaded beyond each of its ends, so that a pan finds it there. */
const MARGIN = 0.3;

/**
 * Power of two of the cell width that the server chooses for a view.
 * @param {number} width in ns
 * @param {number} pixels
 */
export function shiftFor(width, pixels) {
  return Math.max(0, Math.floor(Math.log2(width / pixels)));
}

export class LaneStore {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {Map<string, Picture>} */
    this.pictures = new Map();
    this.loading = false;
    this.clock = 0;
    /** @type {() => void} */
    this.arrived = () => {};
    /** @type {string} the request that failed last, not tried again */
    this.failed = "";
  }

  /**
   * Asks for the lanes in view that are missing or not sharp. One request at a time: when it is
   * answered, the next names what is in view by then.
   * @param {() => { names: string[], pixels: number }} wanted
   */
  async refresh(wanted) {
    if (this.loading) return;
    this.loading = true;
    for (let round = 0; round < 1000; round += 1) {
      const { names, pixels } = wanted();
      const { view } = this.app;
      const shift = shiftFor(view.width, pixels);
      const stale = names
        .filter((name) => !this.isFresh(name, view.start, view.end, shift))
        .slice(0, BATCH);
      if (stale.length === 0) break;
      const start = Math.max(view.first, view.start - view.width * MARGIN);
      const end = Math.min(view.last, view.end + view.width * MARGIN);
      const request = `${start} ${end} ${stale.join()}`;
      if (request === this.failed) break;
      try {
        const share = (end - start) / view.width;
        const answer = await this.app.provider.lanes(start, end, pixels * share, stale);
        this.keep(stale, answer, start, end, shift);
        this.failed = "";
      } catch (error) {
        this.failed = request;
        this.app.complain(error);
      }
      this.arrived();
    }
    this.loading = false;
  }

  /**
   * @param {string} name
   * @param {number} start
   * @param {number} end
   * @param {number} shift
   */
  isFresh(name, start, end, shift) {
    const picture = this.pictures.get(name);
    if (!picture) return false;
    if (this.app.provider.embedded) return true;
    return picture.shift === shift && picture.askedStart <= start && picture.askedEnd >= end;
  }

  /**
   * @param {string[]} names
   * @param {LanesAnswer} answer
   * @param {number} start
   * @param {number} end
   * @param {number} shift
   */
  keep(names, answer, start, end, shift) {
    const lanes = new Map(answer.lanes.map((lane) => [lane.name, lane]));
    for (const name of names) {
      const lane = lanes.get(name) ?? null;
      const scale = Math.max(
        this.pictures.get(name)?.scale ?? 1,
        lane?.form === 1 ? tallest(lane) : 1,
      );
      this.clock += 1;
      this.pictures.set(name, {
        lane,
        start: answer.start_ns,
        cell: 2 ** answer.shift,
        cells: answer.cells,
        askedStart: start,
        askedEnd: end,
        shift,
        canvas: null,
        painted: "",
        scale,
        used: this.clock,
      });
    }
    if (this.pictures.size <= KEPT) return;
    const oldest = [...this.pictures.entries()].sort((left, right) => left[1].used - right[1].used);
    for (const [name] of oldest.slice(0, this.pictures.size - KEPT)) this.pictures.delete(name);
  }

  /**
   * The picture of a lane, painted for a height, or null while there is none.
   * @param {string} name
   * @param {number} height in device pixels
   * @returns {Picture | null}
   */
  picture(name, height) {
    const picture = this.pictures.get(name);
    if (!picture?.lane) return null;
    this.clock += 1;
    picture.used = this.clock;
    const colours = palette();
    const key = `${height} ${picture.scale} ${colours.background}`;
    if (picture.painted !== key) {
      picture.canvas = paintLane(picture.lane, picture.cells, height, picture.scale, this.app);
      picture.painted = key;
    }
    return picture;
  }

  /**
   * Whether there is no such lane, as far as is known: a report holds some lanes only.
   * @param {string} name
   */
  isMissing(name) {
    return this.pictures.get(name)?.lane === null;
  }

  /** Paints the lanes of Ps and threads again: the groups of their goroutines are known now. */
  repaint() {
    for (const [name, picture] of this.pictures) {
      if (name.startsWith("proc:") || name.startsWith("thread:")) picture.painted = "";
    }
  }

  /**
   * The run of cells of a lane at a time.
   * @param {string} name
   * @param {number} at
   */
  runAt(name, at) {
    const picture = this.pictures.get(name);
    if (!picture?.lane || picture.lane.form !== 0) return null;
    const { lane } = picture;
    const cell = Math.floor((at - picture.start) / picture.cell);
    let low = 0;
    let high = lane.first.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const first = lane.first[middle] ?? 0;
      if (cell < first) high = middle - 1;
      else if (cell >= first + (lane.length[middle] ?? 0)) low = middle + 1;
      else return runOf(picture, lane, middle);
    }
    return null;
  }

  /**
   * Numbers of goroutines in a group at a time.
   * @param {string} name
   * @param {number} at
   */
  countsAt(name, at) {
    const picture = this.pictures.get(name);
    if (!picture?.lane || picture.lane.form !== 1) return null;
    const cell = Math.floor((at - picture.start) / picture.cell);
    if (cell < 0 || cell >= picture.cells) return null;
    const { lane } = picture;
    const value = (/** @type {Float32Array} */ values) => values[cell] ?? 0;
    return {
      running: value(lane.running),
      runnable: value(lane.runnable),
      waiting: value(lane.waiting),
      syscall: value(lane.syscall),
      gc: value(lane.gc),
      cell: picture.cell,
    };
  }
}

/**
 * @param {Picture} picture
 * @param {RunLane} lane
 * @param {number} index
 */
export function runOf(picture, lane, index) {
  const first = lane.first[index] ?? 0;
  const length = lane.length[index] ?? 0;
  return {
    start: picture.start + first * picture.cell,
    end: picture.start + (first + length) * picture.cell,
    state: lane.state[index] ?? 0,
    share: (lane.share[index] ?? 0) / 255,
    flags: lane.flags[index] ?? 0,
    what: Number(lane.what[index] ?? 0n),
    cell: picture.cell,
  };
}

/** @param {GroupLane} lane */
function tallest(lane) {
  let most = 1;
  for (let cell = 0; cell < lane.running.length; cell += 1) {
    const sum =
      (lane.running[cell] ?? 0) +
      (lane.runnable[cell] ?? 0) +
      (lane.waiting[cell] ?? 0) +
      (lane.syscall[cell] ?? 0) +
      (lane.gc[cell] ?? 0);
    if (sum > most) most = sum;
  }
  return most;
}
