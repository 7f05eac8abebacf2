// A canvas that keeps to its element's size and the screen's density.

export class Surface {
  /** @param {string} label for readers of the screen */
  constructor(label) {
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
    this.width = 0;
    this.height = 0;
    this.density = 1;
  }

  /**
   * Fits the bitmap to a size and returns a cleared context in CSS pixels.
   * @param {number} width
   * @param {number} height
   * @returns {CanvasRenderingContext2D | null}
   */
  begin(width, height) {
    const density = devicePixelRatio || 1;
    const [columns, lines] = [
      Math.max(1, Math.round(width * density)),
      Math.max(1, Math.round(height * density)),
    ];
    if (this.canvas.width !== columns || this.canvas.height !== lines) {
      this.canvas.width = columns;
      this.canvas.height = lines;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    this.width = width;
    this.height = height;
    this.density = density;
    const context = this.canvas.getContext("2d");
    if (!context) return null;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }
}

/** The font of canvases. */
export const FONT = '11px system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';
