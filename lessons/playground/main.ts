// The page: what is set, what runs, and what is drawn.

import { Playground } from "./playground";
import * as maths from "./maths";

const page = new Playground();
page.open();

// for the console, and for the tests
Object.assign(globalThis, { playground: { maths, frame: () => page.frame } });
