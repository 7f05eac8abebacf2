// Which group a goroutine belongs to: labels and shades of the lanes of Ps and threads. Asked for
// in batches, after the lanes that need them are on the screen.

/** Most goroutines in one request. */
const NAMES_BATCH = 500;

export class Names {
  /**
   * @param {Provider} provider
   * @param {Map<number, Group>} groups
   */
  constructor(provider, groups) {
    this.provider = provider;
    this.groups = groups;
    /** @type {Map<number, number | null>} group by goroutine; null if not known */
    this.known = new Map();
    /** @type {Set<number>} */
    this.wanted = new Set();
    this.asking = false;
    /** @type {() => void} */
    this.arrived = () => {};
  }

  /**
   * Group of a goroutine, or undefined while it is not known.
   * @param {number} goroutine
   * @returns {Group | undefined}
   */
  groupOf(goroutine) {
    const group = this.known.get(goroutine);
    if (group === undefined) {
      this.wanted.add(goroutine);
      this.ask();
      return undefined;
    }
    return group === null ? undefined : this.groups.get(group);
  }

  /**
   * @param {number} goroutine
   * @param {number} group
   */
  learn(goroutine, group) {
    this.known.set(goroutine, group);
  }

  async ask() {
    if (this.asking) return;
    this.asking = true;
    await new Promise((resolve) => setTimeout(resolve, 30));
    const batch = [...this.wanted].slice(0, NAMES_BATCH);
    for (const goroutine of batch) this.wanted.delete(goroutine);
    try {
      /** @type {{ names: { goroutine: number, group: number }[] }} */
      const answer = await this.provider.json("names", { goroutines: batch.join(",") });
      for (const goroutine of batch) this.known.set(goroutine, null);
      for (const { goroutine, group } of answer.names) this.known.set(goroutine, group);
    } catch {
      for (const goroutine of batch) this.known.set(goroutine, null);
    }
    this.asking = false;
    this.arrived();
    if (this.wanted.size > 0) this.ask();
  }
}
