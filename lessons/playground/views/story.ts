// The buttons of the presets, and the text beside the picture.

import { PRESETS, type Preset } from "../presets";
import { byId } from "./page";

const OF_YOUR_OWN: [string, string][] = [
  [
    "How to read it",
    "A long arrow is a feature that is represented. Arrows at right angles do not disturb each other; opposite ones share a dimension, at no cost while only one of them is on. The lines in the plot of dimensionality name such arrangements.",
  ],
  ["What depends on chance", "The nine seeds differ in the initial weights and the samples only."],
];

export class Story {
  constructor(choose: (preset: Preset) => void) {
    for (const preset of PRESETS) {
      const button = document.createElement("button");
      button.type = "button";
      button.id = `preset-${preset.id}`;
      button.textContent = preset.name;
      button.addEventListener("click", () => choose(preset));
      byId("presets").append(button);
    }
  }

  /** Tell of a preset, or how to read the picture of any other settings. */
  show(preset: Preset | null): void {
    for (const { id } of PRESETS) byId(`preset-${id}`).setAttribute("aria-pressed", String(id === preset?.id));
    byId("story-name").textContent = preset?.name ?? "Settings of your own";
    const rows: [string, string][] = preset
      ? [["What you see", preset.see], ["Why", preset.why], ["Try next", preset.next]]
      : OF_YOUR_OWN;
    byId("story-text").replaceChildren(
      ...rows.flatMap(([term, text]) => [element("dt", term), element("dd", text)]),
    );
  }
}

function element(tag: "dt" | "dd", text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
