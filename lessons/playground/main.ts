// The page: what is set, what runs, and what is drawn.

import { Playground } from "./playground";
import * as maths from "./maths";
import { byId } from "./views/page";

try {
  const page = new Playground();
  page.open();
  // for the console, and for the tests
  Object.assign(globalThis, { playground: { maths, frame: () => page.frame } });
} catch (error) {
  // such as a browser that starts no worker from a file
  const message = byId("message");
  message.hidden = false;
  message.textContent = `The page cannot run here. ${error}`;
}
