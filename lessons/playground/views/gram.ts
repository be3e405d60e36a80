// W^T W as a matrix, with the bias beside it.

import { gram } from "../maths/geometry";
import type { Model } from "../maths/model";
import { isDark, signColor } from "./colors";
import { set, svg } from "./svg";

const SIDE = 116;
const GAP = 10;
const TOP = 16;
const LEFT = 16;

export class Gram {
  private readonly root: SVGSVGElement;
  private cells: SVGRectElement[] = [];
  private biases: SVGRectElement[] = [];
  private n = 0;

  constructor(host: HTMLElement) {
    const label = "matrix of the products W^T W, and the biases b; blue above zero, red below";
    this.root = svg("svg", { class: "gram", role: "img", "aria-label": label }, host);
  }

  draw(model: Model): void {
    if (model.n !== this.n) this.rebuild(model.n);
    const products = gram(model);
    const dark = isDark();
    this.cells.forEach((cell, at) => paint(cell, products[at]!, dark));
    this.biases.forEach((cell, i) => paint(cell, model.b[i]!, dark));
  }

  private rebuild(n: number): void {
    this.n = n;
    this.root.replaceChildren();
    const size = SIDE / n;
    const bias = LEFT + SIDE + GAP;
    const width = bias + Math.max(size, 14) + 2;
    set(this.root, { viewBox: `0 0 ${width} ${TOP + SIDE + 2}`, width, height: TOP + SIDE + 2 });
    const cell = (x: number, i: number, wide: number): SVGRectElement =>
      svg("rect", { x, y: TOP + i * size, width: wide, height: size, class: "cell" }, this.root);
    this.cells = Array.from({ length: n * n }, (_, at) => cell(LEFT + (at % n) * size, Math.floor(at / n), size));
    this.biases = Array.from({ length: n }, (_, i) => cell(bias, i, Math.max(size, 14)));
    const crowded = n > 9 ? "crowded" : "";
    for (let i = 0; i < n; i++) {
      const middle = (i + 0.5) * size;
      svg("text", { x: LEFT + middle, y: TOP - 5, class: `tick middle ${crowded}` }, this.root, String(i + 1));
      svg("text", { x: LEFT - 5, y: TOP + middle + 4, class: `tick end ${crowded}` }, this.root, String(i + 1));
    }
    svg("text", { x: bias + Math.max(size, 14) / 2, y: TOP - 5, class: "tick middle" }, this.root, "b");
  }
}

function paint(cell: SVGRectElement, value: number, dark: boolean): void {
  const color = signColor(value / 1.2, dark);
  if (cell.style.fill !== color) cell.style.fill = color;
}
