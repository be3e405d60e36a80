// Each feature's dimensionality over sparsity, with the lines of polytopes; where the model was
// before stays as rings, so that dragging the sparsity to and fro draws hysteresis.

import { dimensionality } from "../maths/geometry";
import type { Model } from "../maths/model";
import { featureColor } from "./colors";
import { drawing, set, spread, svg } from "./svg";

const HEIGHT = 138;
const EDGE = { left: 30, right: 112, top: 8, bottom: 32 };
const LARGEST = Math.log(1 / (1 - 0.99));
const TICKS = [0, 0.5, 0.75, 0.9, 0.95, 0.99];
const MOST = 600; // rings
const LINES: Record<number, [string, number][]> = {
  2: [["1 alone", 1], ["2/3 triangle", 2 / 3], ["1/2 pair", 1 / 2], ["2/5 pentagon", 2 / 5], ["1/3 hexagon", 1 / 3], ["0", 0]],
  3: [["1 alone", 1], ["3/4 tetrahedron", 3 / 4], ["2/3 triangle", 2 / 3], ["1/2 pair", 1 / 2], ["2/5 pentagon", 2 / 5], ["3/8 antiprism", 3 / 8], ["0", 0]],
};

const y = (share: number): number => EDGE.top + (1 - share) * (HEIGHT - EDGE.top - EDGE.bottom);

export class Shares {
  private readonly root: SVGSVGElement;
  private readonly guides: SVGGElement;
  private readonly past: SVGGElement;
  private readonly dots: SVGGElement;
  private width = 0;
  private model: Model | null = null;
  private sparsity = 0;

  constructor(host: HTMLElement) {
    const label = "dimensionality of each feature against sparsity, with lines at the values of polytopes";
    this.root = drawing(host, HEIGHT, label, (_, width) => {
      this.width = width;
      this.clear();
      this.drawGuides();
      if (this.model) this.draw(this.model, this.sparsity);
    });
    this.guides = svg("g", {}, this.root);
    this.past = svg("g", { class: "past" }, this.root);
    this.dots = svg("g", {}, this.root);
  }

  draw(model: Model, sparsity: number): void {
    const before = this.model;
    [this.model, this.sparsity] = [model, sparsity];
    if (this.width === 0) return;
    if (before?.m !== model.m) this.drawGuides();
    if (this.dots.childElementCount !== model.n) this.rebuild(model.n);
    dimensionality(model).forEach((share, i) => set(this.dots.children[i]!, { cx: this.x(i), cy: y(share) }));
  }

  /** Leave rings at what is seen now. */
  remember(): void {
    if (!this.model) return;
    const { n } = this.model;
    dimensionality(this.model).forEach((share, i) => {
      svg("circle", { r: 2, cx: this.x(i), cy: y(share), stroke: featureColor(i, n) }, this.past);
    });
    while (this.past.childElementCount > MOST) this.past.firstElementChild?.remove();
  }

  clear(): void {
    this.past.replaceChildren();
  }

  private at(sparsity: number): number {
    const part = Math.log(1 / (1 - sparsity)) / LARGEST;
    return EDGE.left + 12 + part * (this.width - EDGE.left - EDGE.right - 24);
  }

  private x(i: number): number {
    const n = this.model!.n;
    return this.at(this.sparsity) + (i - (n - 1) / 2) * Math.min(4, 24 / n);
  }

  private rebuild(n: number): void {
    this.dots.replaceChildren();
    for (let i = n - 1; i >= 0; i--) this.dots.prepend(svg("circle", { r: 3.5, fill: featureColor(i, n) }));
  }

  private drawGuides(): void {
    this.guides.replaceChildren();
    const [left, right, bottom] = [EDGE.left, this.width - EDGE.right, HEIGHT - EDGE.bottom];
    svg("path", { d: `M${left} ${EDGE.top - 4}V${bottom + 4}H${right}`, class: "axis" }, this.guides);
    const lines = LINES[this.model?.m ?? 2]!;
    const heights = spread(lines.map(([, share]) => y(share)), 13, EDGE.top, bottom);
    lines.forEach(([name, share], i) => {
      svg("path", { d: `M${left} ${y(share)}H${right}L${right + 6} ${heights[i]!}`, class: "level" }, this.guides);
      svg("text", { x: right + 9, y: heights[i]! + 4, class: "tick" }, this.guides, name);
    });
    for (const [share, text] of [[0, "0"], [0.5, ".5"], [1, "1"]] as const) {
      svg("text", { x: left - 5, y: y(share) + 4, class: "tick end" }, this.guides, text);
    }
    for (const tick of TICKS) {
      svg("path", { d: `M${this.at(tick)} ${bottom + 4}v3`, class: "axis" }, this.guides);
      const text = String(tick).replace(/^0\./, ".");
      svg("text", { x: this.at(tick), y: bottom + 18, class: "tick middle" }, this.guides, text);
    }
    svg("text", { x: right + 9, y: bottom + 18, class: "tick" }, this.guides, "sparsity S");
  }
}
