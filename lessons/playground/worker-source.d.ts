/** The bundled text of worker.ts, put there by build.mjs. */
declare module "worker:source" {
  const source: string;
  export default source;
}
