// The same settings with other seeds, as small multiples; one can be chosen to be watched.

import { arrangement } from "../maths/geometry";
import type { Model } from "../maths/model";
import { featureColor } from "./colors";
import { byId } from "./page";
import { Projection } from "./projection";
import { set, svg } from "./svg";

const HALF = 1.45;

interface Small {
  button: HTMLButtonElement;
  lines: SVGLineElement[];
  tips: SVGCircleElement[];
  layer: SVGGElement;
  name: HTMLElement;
}

export class Seeds {
  private readonly smalls: Small[];
  private projection = new Projection(2);
  private drawn = "";

  constructor(count: number, private readonly choose: (place: number) => void) {
    this.smalls = Array.from({ length: count }, (_, place) => this.make(place));
  }

  draw(models: Model[], firstSeed: number): void {
    const { n, m } = models[0]!;
    if (this.drawn !== `${n} ${m} ${firstSeed}`) this.rebuild(n, m, firstSeed);
    const names = models.map((model, place) => this.drawOne(this.smalls[place]!, model, firstSeed + place));
    const title = `The next nine seeds: ${counted(names)}`;
    if (byId("others-name").textContent !== title) byId("others-name").textContent = title;
  }

  private drawOne({ lines, tips, name, button }: Small, model: Model, seed: number): string {
    lines.forEach((line, i) => {
      const [x, y] = this.projection.point(model, i);
      set(line, { x2: x, y2: -y });
      set(tips[i]!, { cx: x, cy: -y });
    });
    const found = arrangement(model);
    if (name.textContent !== found) {
      name.textContent = found;
      button.setAttribute("aria-label", `watch seed ${seed}: ${found}`);
    }
    return found;
  }

  private make(place: number): Small {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => this.choose(place));
    const root = svg("svg", { viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`, "aria-hidden": "true" }, button);
    svg("circle", { r: 1, class: "guide" }, root);
    const layer = svg("g", {}, root);
    const name = document.createElement("span");
    button.append(name);
    byId("seeds").append(button);
    return { button, lines: [], tips: [], layer, name };
  }

  private rebuild(n: number, m: number, firstSeed: number): void {
    this.drawn = `${n} ${m} ${firstSeed}`;
    this.projection = new Projection(m);
    this.smalls.forEach((small, place) => {
      small.layer.replaceChildren();
      small.lines = [];
      small.tips = [];
      small.name.textContent = "";
      small.button.title = `seed ${firstSeed + place}`;
      for (let i = 0; i < n; i++) {
        const color = featureColor(i, n);
        small.lines.push(svg("line", { stroke: color, class: "small" }, small.layer));
        small.tips.push(svg("circle", { r: 0.07, fill: color }, small.layer));
      }
    });
  }
}

/** "6 pentagon, 3 two pairs", the most frequent first. */
function counted(names: string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted.map(([name, count]) => `${count} × ${name}`).join(", ");
}
