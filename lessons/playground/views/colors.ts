// The palette of the figures (toymodels/plotting/colors.py), and one for a dark page.

const BLUE_HUE = 253.6;

/** A colour for each of n features: hues of equal lightness, from blue on. */
export function featureColor(i: number, n: number): string {
  return `oklch(0.62 0.14 ${(BLUE_HUE + (360 * i) / n) % 360})`;
}

type Color = readonly [number, number, number];

const rgb = (hex: string): Color => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Color;

const LIGHT = ["#8e1b14", "#d0392b", "#f0a496", "#ffffff", "#93bbe6", "#2a6fbb", "#123f7c"].map(rgb);
const DARK = ["#ff9a8c", "#d8493b", "#6b2620", "#181c23", "#1d4572", "#3d84d2", "#a9cdf5"].map(rgb);

export function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Red below zero, blue above, and the page at zero; `value` is cut to [-1, 1]. */
export function signColor(value: number, dark: boolean): string {
  const colors = dark ? DARK : LIGHT;
  const at = ((Math.max(-1, Math.min(1, value)) + 1) / 2) * (colors.length - 1);
  const low = Math.min(Math.floor(at), colors.length - 2);
  const mixed = colors[low]!.map((part, i) => part + (at - low) * (colors[low + 1]![i]! - part));
  return `rgb(${mixed.map(Math.round).join(", ")})`; // as the browser writes it
}
