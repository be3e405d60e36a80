// The loss during training, and the levels of regular arrangements.

import type { Level } from "../maths/levels";
import { drawing, set, spread, svg } from "./svg";

const HEIGHT = 132;
const EDGE = { left: 44, right: 112, top: 8, bottom: 20 };
const MOST = 600; // points kept

export class LossCurve {
  private readonly root: SVGSVGElement;
  private readonly guides: SVGGElement;
  private readonly curve: SVGPathElement;
  private readonly now: SVGCircleElement;
  private kept: [step: number, loss: number][] = [];
  private stride = 1; // steps between points that are kept
  private latest: [step: number, loss: number] | null = null;
  private changes: number[] = [];
  private levels: Level[] = [];
  private width = 0;
  private frame = "";

  constructor(host: HTMLElement) {
    this.root = drawing(host, HEIGHT, "loss against training step, logarithmic", (_, width) => {
      this.width = width;
      this.draw();
    });
    this.guides = svg("g", {}, this.root);
    this.curve = svg("path", { class: "curve" }, this.root);
    this.now = svg("circle", { r: 3.5, class: "now" }, this.root);
  }

  clear(): void {
    [this.kept, this.changes, this.levels] = [[], [], []];
    [this.stride, this.latest] = [1, null];
    this.draw();
  }

  add(step: number, loss: number): void {
    this.latest = [step, loss];
    const last = this.kept.at(-1);
    if (!last || step >= last[0] + this.stride) this.kept.push(this.latest);
    if (this.kept.length > MOST) {
      this.kept = this.kept.filter((_, i) => i % 2 === 0);
      this.stride = (2 * step) / MOST;
    }
    this.draw();
  }

  setLevels(levels: Level[]): void {
    this.levels = levels;
    this.draw();
  }

  /** Remember that the sparsity changed here. */
  mark(): void {
    const step = this.latest?.[0] ?? 0;
    if (this.changes.at(-1) !== step) this.changes.push(step);
  }

  private draw(): void {
    if (this.width === 0) return;
    const points = this.latest ? [...this.kept, this.latest] : [];
    const last = roundEnd(Math.max(100, this.latest?.[0] ?? 0));
    const losses = [...points.map(([, loss]) => loss), ...this.levels.map(({ loss }) => loss)];
    const values = losses.filter((loss) => loss > 0);
    const high = Math.ceil(10 * Math.log10(Math.max(...values, 0.01) * 1.1)) / 10;
    const low = Math.floor(10 * Math.log10(Math.max(Math.min(...values, 1) * 0.9, 1e-6))) / 10;
    const x = (step: number): number => EDGE.left + (step / last) * (this.width - EDGE.left - EDGE.right);
    const y = (loss: number): number =>
      EDGE.top + ((high - Math.log10(Math.max(loss, 1e-6))) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
    const path = points.map(([step, loss], i) => `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`);
    set(this.curve, { d: path.join("") || "M0 0" });
    const [cx, cy] = this.latest ? [x(this.latest[0]), y(this.latest[1])] : [-9, -9];
    set(this.now, { cx, cy });
    this.drawGuides(last, low, high, x, y);
  }

  private drawGuides(last: number, low: number, high: number, x: (step: number) => number, y: (loss: number) => number): void {
    const frame = JSON.stringify([this.width, last, low, high, this.levels, this.changes.length]);
    if (frame === this.frame) return;
    this.frame = frame;
    this.guides.replaceChildren();
    const [left, right, bottom] = [EDGE.left, this.width - EDGE.right, HEIGHT - EDGE.bottom];
    svg("path", { d: `M${left} ${EDGE.top}V${bottom}H${right}`, class: "axis" }, this.guides);
    for (const tick of logTicks(10 ** low, 10 ** high)) {
      svg("text", { x: left - 5, y: y(tick) + 4, class: "tick end" }, this.guides, label(tick));
      svg("path", { d: `M${left - 3} ${y(tick)}h3`, class: "axis" }, this.guides);
    }
    svg("text", { x: left, y: HEIGHT - 5, class: "tick" }, this.guides, "0");
    svg("text", { x: right, y: HEIGHT - 5, class: "tick end" }, this.guides, `step ${last.toLocaleString("en-US")}`);
    for (const change of this.changes) {
      svg("path", { d: `M${x(change)} ${EDGE.top}V${bottom}`, class: "change" }, this.guides);
    }
    const heights = spread(this.levels.map(({ loss }) => y(loss)), 13, EDGE.top + 4, bottom);
    this.levels.forEach(({ name, loss }, i) => {
      svg("path", { d: `M${left} ${y(loss)}H${right}L${right + 6} ${heights[i]!}`, class: "level" }, this.guides);
      svg("text", { x: right + 9, y: heights[i]! + 4, class: "tick" }, this.guides, name);
    });
  }
}

/** A round number of steps that is not smaller: the axis stays for a while. */
function roundEnd(step: number): number {
  const decade = 10 ** Math.floor(Math.log10(step));
  return decade * [1, 1.5, 2, 3, 4, 5, 7, 10].find((mantissa) => mantissa * decade >= step)!;
}

const label = (value: number): string => value.toPrecision(1).replace(/^0/, "");

function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++) {
    for (const mantissa of [1, 2, 5]) ticks.push(mantissa * 10 ** decade);
  }
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  return inside.length > 5 ? inside.filter((tick) => /^\.?0*1/.test(label(tick))) : inside;
}
