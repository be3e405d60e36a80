// Drawing with SVG.

const NAMESPACE = "http://www.w3.org/2000/svg";
export type Attributes = Record<string, string | number>;

export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  parent?: Element,
  text?: string,
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(NAMESPACE, name);
  set(element, attributes);
  if (text !== undefined) element.textContent = text;
  parent?.append(element);
  return element;
}

export function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = typeof value === "number" ? String(Math.round(value * 1000) / 1000) : value;
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** A drawing as wide as its host, told when the width changes. */
export function drawing(
  host: HTMLElement,
  height: number,
  label: string,
  redraw: (root: SVGSVGElement, width: number) => void,
): SVGSVGElement {
  const root = svg("svg", { height, role: "img", "aria-label": label }, host);
  new ResizeObserver(() => {
    const width = host.clientWidth;
    if (width === 0 || root.getAttribute("width") === String(width)) return;
    set(root, { width, viewBox: `0 0 ${width} ${height}` });
    redraw(root, width);
  }).observe(host);
  return root;
}

/** Move labels at these heights apart, so that they keep a distance. */
export function spread(heights: number[], distance: number, low: number, high: number): number[] {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a]! - heights[b]!);
  const placed = heights.slice();
  let last = low - distance;
  for (const i of order) last = placed[i] = Math.max(placed[i]!, last + distance);
  let next = high + distance;
  for (const i of order.reverse()) next = placed[i] = Math.min(placed[i]!, next - distance);
  return placed;
}
