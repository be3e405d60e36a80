// Random numbers that a seed decides, on every machine.

export type Uniforms = () => number;

/** Uniform numbers in (0, 1): the generator sfc32 (Doty-Humphrey, PractRand), from a seed. */
export function uniformsOf(seed: number): Uniforms {
  let a = 0;
  let b = seed >>> 0;
  let c = Math.floor(seed / 2 ** 32) >>> 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return ((sum >>> 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next(); // neighbouring seeds start alike
  return next;
}

/** A standard normal number (Box and Muller 1958). */
export function normal(next: Uniforms): number {
  const radius = Math.sqrt(-2 * Math.log(next()));
  return radius * Math.cos(2 * Math.PI * next());
}
